"""`python -m local_cloud.gcp.pubsub <port>`"""

import sys

from local_cloud.gcp.json_server import JsonServer
from local_cloud.gcp.pubsub.api import Api
from local_cloud.gcp.pubsub.service import PubSub

if __name__ == "__main__":
    JsonServer(Api(PubSub()).route, port=int(sys.argv[1])).serve()
