package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// A hold is told with its end; that nobody is held any more, which phones say at a
// transfer as well, is told only then.
func TestNarrateHolds(t *testing.T) {
	t.Parallel()
	directory, err := screenpop.NewDirectory([]screenpop.Agent{{Name: "Ana", ZendeskID: 1, Numbers: []string{"1001"}}}, "US")
	require.NoError(t, err)
	n := &narrator{desk: &desk{directory: directory}, holding: make(map[string]bool)}
	tell := func(kind telephony.Kind) string {
		text, _ := n.event(telephony.Event{Kind: kind, Leg: "a", Endpoint: "PJSIP/1001"})
		return text
	}
	require.Empty(t, tell(telephony.LegResumed))
	require.Equal(t, "Ana (PJSIP/1001) puts the call on hold", tell(telephony.LegHeld))
	require.Equal(t, "Ana (PJSIP/1001) takes the call off hold", tell(telephony.LegResumed))
	require.Empty(t, tell(telephony.LegResumed))
}
