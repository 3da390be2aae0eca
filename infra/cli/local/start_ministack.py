import sys

import lease  # noqa: F401
from ministack.app import main

sys.argv = ["ministack"]
main()
