import logging
import sys

import lease  # noqa: F401
from aiohttp import web
from localstripe import resources
from localstripe.server import app

# After every change it writes all it has to one fixed file, which any other localstripe on this machine writes too. We
# start empty and never read that file.
resources.Store.dump_to_disk = lambda store: None

# Says what became of each webhook.
logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
# Its own start function listens on every interface.
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
