package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/talkbridge/talkbridge/journal"
)

func ExampleJournal_Tail() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	j, err := journal.Open(ctx, journal.Options{Dir: dir, Site: "hq"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = j.Close() }()

	call := "hq/pbx1/1724412345.17"
	_, err = j.Append(ctx,
		journal.Message{Call: call, Kind: journal.Event, ID: "ring", Data: []byte("ringing")},
		journal.Message{Call: call, Kind: journal.Event, ID: "answer", Data: []byte("answered")})
	if err != nil {
		fmt.Println(err)
		return
	}
	enough := errors.New("enough")
	err = j.Tail(ctx, 1, func(r journal.Record) error {
		fmt.Println(r.Seq, r.Call, r.Kind, string(r.Data))
		if r.Seq == 2 {
			return enough
		}
		return nil
	})
	fmt.Println(errors.Is(err, enough))
	// Output:
	// 1 hq/pbx1/1724412345.17 event ringing
	// 2 hq/pbx1/1724412345.17 event answered
	// true
}

func ExampleJournal_AppendIf() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	j, err := journal.Open(ctx, journal.Options{Dir: dir, Site: "hq"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = j.Close() }()

	intent := journal.Message{Call: "hq/pbx1/17", Kind: journal.Outcome, ID: "create/1", Data: []byte("node 1 creates")}
	seq, err := j.AppendIf(ctx, intent, 0)
	fmt.Println(seq, err)
	intent.Data = []byte("node 2 creates")
	_, err = j.AppendIf(ctx, intent, 0)
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// the last outcome of call hq/pbx1/17 is at sequence 1, not 0: read the call's story again
}
