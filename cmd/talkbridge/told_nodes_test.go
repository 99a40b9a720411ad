package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/cti"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// journalSink is what a node's bridge does with events, without the rest of it.
type journalSink struct {
	*telephonytest.Sink

	journal *journal.Journal
}

// Append implements telephony.Sink.
func (s journalSink) Append(ctx context.Context, events []telephony.Event) error {
	message, err := bridge.EncodeEvents(events)
	if err == nil {
		_, err = s.journal.Append(ctx, message)
	}
	return err
}

// The same message delivered to two nodes, one after the other or at the same moment,
// twice to each, is one entry of the journal that they share.
func TestDeliveredToTwoNodes(t *testing.T) {
	t.Parallel()
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Site: "hq"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	log, _ := test.NewNullLogger()
	var addresses []string
	for range 2 {
		source, err := cti.NewPush(cti.PushConfig{Translator: cti.Translator{Site: "hq", Source: "push1", Country: "DE"}, Token: pushToken}, log)
		require.NoError(t, err)
		mux := http.NewServeMux()
		source.Register(mux)
		node := httptest.NewServer(mux)
		t.Cleanup(node.Close)
		addresses = append(addresses, node.URL+cti.PushPath("push1")+"/"+pushToken)
		sink := journalSink{telephonytest.NewSink(), j}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		done := make(chan error, 1)
		go func() { done <- source.Run(ctx, sink) }()
		t.Cleanup(func() {
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
		})
		require.Eventually(t, func() bool { return sink.Sessions() == 1 }, patience, time.Millisecond)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i, form := range []string{
		"event=newCall&callId=1&from=493010001234&to=15550100001&direction=in&user=Ana",
		"event=answer&callId=1&from=493010001234&to=15550100001&direction=in&user=Ana",
		"event=hangup&callId=1&from=493010001234&to=15550100001&direction=in&cause=normalClearing",
	} {
		var all sync.WaitGroup
		statuses := make([]int, 2*len(addresses))
		for k := range statuses {
			all.Go(func() {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, addresses[k%2], strings.NewReader(form))
				if err != nil {
					return
				}
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if response, err := client.Do(request); err == nil {
					statuses[k] = response.StatusCode
					_ = response.Body.Close()
				}
			})
		}
		all.Wait()
		require.Equal(t, []int{200, 200, 200, 200}, statuses, form)
		state, err := j.State(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(i+1), state.Messages, "one entry for all four")
	}
	view, found, err := bridge.ReadCall(t.Context(), j, "hq/push1/1")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, telephony.Answered, view.State.Disposition)
}
