// Go's gRPC client, on one connection: each line of standard input is a call, each line of output
// its answer, in the order of the calls. All of them are under way together, LIMIT at a time.
//
//	calls ADDRESS LIMIT < calls
//
// A call is JSON: {"method": "/a.B/C", "messages": ["aGk="], "streams": false, "cancel": 0}, with
// messages in base64; of a call that streams "cancel" says after how many answers it is left.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const patience = 60 * time.Second

type call struct {
	Method   string
	Messages [][]byte
	Streams  bool
	Cancel   int
}

type answer struct {
	Code     string            `json:"code"`
	Details  string            `json:"details"`
	Messages [][]byte          `json:"messages"`
	Trailers map[string]string `json:"trailers"`
}

// raw leaves messages as the bytes that they are.
type raw struct{}

func (raw) Marshal(v interface{}) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v interface{}) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

func (c call) unary(connection *grpc.ClientConn, told *metadata.MD) ([][]byte, error) {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	var got []byte
	if err := connection.Invoke(ctx, c.Method, &c.Messages[0], &got, grpc.Trailer(told)); err != nil {
		return nil, err
	}
	return [][]byte{got}, nil
}

func (c call) stream(connection *grpc.ClientConn, told *metadata.MD) ([][]byte, error) {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	kind := grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	stream, err := connection.NewStream(ctx, &kind, c.Method)
	if err != nil {
		return nil, err
	}
	for _, message := range c.Messages {
		if err := stream.SendMsg(&message); err != nil && err != io.EOF {
			return nil, err
		}
	}
	stream.CloseSend()
	all := [][]byte{}
	for {
		var got []byte
		if err := stream.RecvMsg(&got); err == io.EOF {
			*told = stream.Trailer()
			return all, nil
		} else if err != nil {
			*told = stream.Trailer()
			return all, err
		}
		if all = append(all, got); len(all) == c.Cancel {
			done()
		}
	}
}

func (c call) answered(connection *grpc.ClientConn) answer {
	var told metadata.MD
	ask := c.unary
	if c.Streams {
		ask = c.stream
	}
	messages, err := ask(connection, &told)
	trailers := map[string]string{}
	for name, values := range told {
		trailers[name] = values[0]
	}
	return answer{status.Code(err).String(), status.Convert(err).Message(), messages, trailers}
}

func main() {
	limit, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	connection, err := grpc.Dial(os.Args[1], grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	var calls []call
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var one call
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		calls = append(calls, one)
	}
	answers := make([]answer, len(calls))
	places := make(chan bool, limit)
	var all sync.WaitGroup
	for number, one := range calls {
		places <- true
		all.Add(1)
		go func(number int, one call) {
			answers[number] = one.answered(connection)
			<-places
			all.Done()
		}(number, one)
	}
	all.Wait()
	for _, one := range answers {
		line, err := json.Marshal(one)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}
