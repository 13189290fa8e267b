#!/usr/bin/env python3
"""enqueue.py TO TEXT - push one SMS.  pip install redis"""
import json
import os
import sys
import time

import redis

job = {"to": sys.argv[1], "text": sys.argv[2], "enqueued_at": int(time.time())}
server = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
server.lpush("bellhop:{sms}", json.dumps(job))
