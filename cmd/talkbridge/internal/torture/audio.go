package torture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	// publicURL is where the links of the tickets lead. Nobody listens there: the
	// daemon serves on whatever port was free.
	publicURL = "http://127.0.0.1:9"
	// audioPatience is how long one fetching of audio may take.
	audioPatience = 5 * time.Second
	// beginning is how much of a sound the mark of its call is in.
	beginning = 1 << 10
)

// loopback asks servers of this machine.
var loopback = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// judgeAudio plays what the ticket of a call plays, and compares it with what was
// recorded of that call.
func (s *site) judgeAudio(ctx context.Context, id string) Verdict {
	for _, external := range []string{id + "#2", id} {
		for _, ticket := range s.zendesk.TicketsByExternalID(external) {
			for _, voice := range ticket.VoiceComments() {
				return s.listenTo(ctx, voice, id)
			}
		}
	}
	return Verdict{}
}

func (s *site) listenTo(ctx context.Context, voice zendesktest.VoiceComment, id string) Verdict {
	path, ours := strings.CutPrefix(voice.RecordingURL, publicURL)
	if !ours {
		return wrong("its audio is not on our address")
	}
	ctx, cancel := context.WithTimeout(ctx, audioPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.log.publicListen()+path, http.NoBody)
	if err != nil {
		return wrong("its audio cannot be asked for: %v", err)
	}
	response, err := loopback.Do(request)
	if err != nil {
		return wrong("its audio is not served")
	}
	defer func() { _ = response.Body.Close() }() // it is read
	sound, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case err != nil:
		return wrong("its audio is not served to the end")
	case response.StatusCode != http.StatusOK:
		return wrong("its audio is answered with %d", response.StatusCode)
	case strings.HasPrefix(id, Twilio.callID("")):
		if want := s.soundOnTwilio(id); want == nil || !bytes.Equal(sound, want) {
			return wrong("its audio, %d bytes, is not Twilio's of this call, %d bytes", len(sound), len(want))
		}
	case !bytes.Contains(sound[:min(len(sound), beginning)], []byte(strings.TrimPrefix(id, callID(""))+".wav")):
		return wrong("its audio, %d bytes, is not of this call", len(sound))
	}
	return Verdict{}
}

// String is what is wrong, for people.
func (v Verdict) String() string { return fmt.Sprintf("%s: %s", v.Fault, v.Why) }
