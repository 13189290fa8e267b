#!/bin/sh
# enqueue.sh TO TEXT - push one SMS with redis-cli.  jq writes the JSON, so quotes and line ends in the text are safe.
set -eu
job=$(jq -cn --arg to "$1" --arg text "$2" '{to: $to, text: $text, enqueued_at: (now | floor)}')
redis-cli -u "${REDIS_URL:-redis://127.0.0.1:6379/0}" LPUSH 'bellhop:{sms}' "$job"
