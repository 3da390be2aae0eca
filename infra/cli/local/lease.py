# Imported first by each start script. Standard input is a pipe that nobody writes to and only our parent holds: it ends
# when the parent lets go of it, also by being killed. Then this process and all that it started end too.
import os
import signal
import sys
import threading


def end_with_the_parent():
    sys.stdin.buffer.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=end_with_the_parent, name="lease", daemon=True).start()
