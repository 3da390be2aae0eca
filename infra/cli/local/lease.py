# Imported first by each start script. Standard input is a pipe that nobody writes to and only our parent holds: it ends
# when the parent lets go of it, also by being killed. Then this process and all that it started end too, and the folder
# that was made for them goes.
import os
import shutil
import signal
import sys
import threading


def end_with_the_parent():
    sys.stdin.buffer.read()
    folder = os.environ.get("COUNTERSIGN_RUN_FOLDER")
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=end_with_the_parent, name="lease", daemon=True).start()
