#!/usr/bin/env php
<?php
// enqueue.php TO TEXT - push one SMS.  Needs the extension phpredis.
$job = ['to' => $argv[1], 'text' => $argv[2], 'enqueued_at' => time()];
$server = new Redis();
$server->connect(getenv('REDIS_HOST') ?: '127.0.0.1');
$server->lPush('bellhop:{sms}', json_encode($job, JSON_THROW_ON_ERROR));
