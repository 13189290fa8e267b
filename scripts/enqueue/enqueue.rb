#!/usr/bin/env ruby
# enqueue.rb TO TEXT - push one SMS.  gem install redis
require "json"
require "redis"

job = { to: ARGV[0], text: ARGV[1], enqueued_at: Time.now.to_i }
server = Redis.new(url: ENV.fetch("REDIS_URL", "redis://127.0.0.1:6379/0"))
server.lpush("bellhop:{sms}", JSON.generate(job))
