// enqueue TO TEXT - push one SMS.  go get github.com/redis/go-redis/v9
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

func main() {
	job, err := json.Marshal(map[string]any{
		"to": os.Args[1], "text": os.Args[2], "enqueued_at": time.Now().Unix(),
	})
	if err != nil {
		log.Fatal(err)
	}
	server := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	if err := server.LPush(context.Background(), "bellhop:{sms}", job).Err(); err != nil {
		log.Fatal(err)
	}
}
