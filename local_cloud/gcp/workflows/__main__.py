"""`python -m local_cloud.gcp.workflows <port>`; what definitions log goes to standard error."""

import logging
import sys

from local_cloud.gcp.json_server import JsonServer
from local_cloud.gcp.workflows.callbacks import Callbacks
from local_cloud.gcp.workflows.emulator import executor
from local_cloud.gcp.workflows.executions import Executions

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    port = int(sys.argv[1])
    callbacks = Callbacks(f"http://127.0.0.1:{port}")
    JsonServer(Executions(callbacks, executor(callbacks)).route, port=port).serve()
