package zendesk_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

const createdAnswer = `{"ticket":{"id":35436,"external_id":"hq/pbx1/1.2","status":"open","via":{"channel":"api_phone_call_inbound"},
	"tags":["call"],"created_at":"2026-03-01T09:14:57Z","updated_at":"2026-03-01T09:14:57Z"},"audit":{"id":1}}`

func answerCreated(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("X-Rate-Limit", "700")
	w.Header().Set("X-Rate-Limit-Remaining", "699")
	answerJSON(w, http.StatusCreated, createdAnswer)
}

// BenchmarkCreateVoiceTicket is one create over a kept loopback connection, the server's work included.
func BenchmarkCreateVoiceTicket(b *testing.B) {
	client := serve(b, answerCreated)
	ticket := inbound()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.CreateVoiceTicket(b.Context(), ticket); err != nil {
			b.Fatal(err)
		}
	}
}

// instant answers in memory, so that only the client's own work is left.
type instant struct{}

func (instant) RoundTrip(req *http.Request) (*http.Response, error) {
	_, err := io.Copy(io.Discard, req.Body)
	resp := response(http.StatusCreated, createdAnswer)
	resp.Header.Set("X-Rate-Limit-Remaining", "699")
	return resp, err
}

// BenchmarkCreateVoiceTicketClientOnly is the same without a network.
func BenchmarkCreateVoiceTicketClientOnly(b *testing.B) {
	client, err := zendesk.New("https://acme.example", legacy, zendesk.WithHTTPClient(&http.Client{Transport: instant{}}))
	require.NoError(b, err)
	ticket := inbound()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.CreateVoiceTicket(b.Context(), ticket); err != nil {
			b.Fatal(err)
		}
	}
}

// A create in the client may allocate so much, that of the standard library included: what was measured, and a tenth more.
func TestAllocationsOfACreate(t *testing.T) { //nolint:paralleltest // allocations are counted
	client, err := zendesk.New("https://acme.example", legacy, zendesk.WithHTTPClient(&http.Client{Transport: instant{}}))
	require.NoError(t, err)
	ticket := inbound()
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if _, err := client.CreateVoiceTicket(t.Context(), ticket); err != nil {
			t.Error(err)
		}
	}), 65.0)
}
