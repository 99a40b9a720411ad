package twiliotest_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

// form is made of names and values.
func form(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

const mailbox = "<Say>Leave a message</Say><Record action='/left' maxLength='180' timeout='5' transcribe='true' transcribeCallback='/text' " +
	"recordingStatusCallback='/recording' recordingStatusCallbackEvent='in-progress completed absent'/><Say>Nothing was heard</Say>"

// Case 15.
func TestAMessageIsLeft(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		choices twiliotest.Choices
		last    string
	}{
		{"and written down", twiliotest.Choices{}, "/text"},
		{"written down before it is there", twiliotest.Choices{TranscribeFirst: true}, "/recording"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			config := twiliotest.Config{Choices: row.choices, Media: twiliotest.Media{Ready: 2 * time.Second}}
			inBubble(t, config, func(t *testing.T, s *site) {
				s.says("/voice", rings("answerOnBridge='true'", ana)) // who cannot be reached
				s.says("/after", mailbox)
				call := s.call(twiliotest.Caller{Says: 20 * time.Second, Words: "please call back"})

				left := s.one("/left")
				require.Equal(t, "hangup", left.Get("Digits"))
				require.Equal(t, "20", left.Get("RecordingDuration"))
				require.Equal(t, []string{"in-progress", "completed"}, s.values("/recording", "RecordingStatus"))
				done := s.got("/recording")[1].form
				for key, want := range map[string]string{
					"CallSid": call.SID, "RecordingSid": left.Get("RecordingSid"), "RecordingUrl": left.Get("RecordingUrl"),
					"RecordingSource": "RecordVerb", "RecordingDuration": "20", "RecordingChannels": "1",
				} {
					require.Equal(t, want, done.Get(key), key)
				}
				for _, key := range []string{"From", "To", "CallStatus"} {
					require.NotContains(t, done, key)
				}
				text := s.one("/text")
				require.Equal(t, "please call back", text.Get("TranscriptionText"))
				require.Equal(t, "completed", text.Get("TranscriptionStatus"))
				require.Equal(t, left.Get("RecordingSid"), text.Get("RecordingSid"))
				require.Equal(t, call.SID, text.Get("CallSid"))
				deliveries := s.Deliveries()
				require.Equal(t, public+row.last, deliveries[len(deliveries)-1].URL)
			})
		})
	}
	t.Run("and he waits for the silence", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			s.says("/voice", mailbox)
			s.says("/left", "<Hangup/>")
			s.call(twiliotest.Caller{Says: 20 * time.Second, Stays: true})
			require.Empty(t, s.one("/left").Get("Digits"))
			require.Equal(t, "in-progress", s.one("/left").Get("CallStatus"))
			require.Equal(t, "20", s.one("/left").Get("RecordingDuration"), "the silence is trimmed")
			require.Equal(t, "failed", s.one("/text").Get("TranscriptionStatus"), "there were no words")
		})
	})
	t.Run("longer than it may be", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			s.says("/voice", "<Record action='/left' maxLength='30'/>")
			s.call(twiliotest.Caller{Says: time.Minute})
			require.Equal(t, "30", s.one("/left").Get("RecordingDuration"))
		})
	})
	t.Run("without an action the document is asked for again", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			s.says("/voice", "<Record maxLength='30'/>")
			s.call(twiliotest.Caller{Says: 10 * time.Second, Stays: true})
			hits := s.got("/voice")
			require.Len(t, hits, 2)
			require.Equal(t, "10", hits[1].form.Get("RecordingDuration"))
		})
	})
}

// Case 16.
func TestAMessageIsTooShortOrTooLong(t *testing.T) {
	t.Parallel()
	t.Run("nothing is said", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			s.says("/voice", mailbox)
			s.call(twiliotest.Caller{})
			require.Empty(t, s.got("/left"), "the next verb runs")
			require.Equal(t, []string{"in-progress", "absent"}, s.values("/recording", "RecordingStatus"))
			require.Equal(t, "16101", s.got("/recording")[1].form.Get("ErrorCode"))
			require.Empty(t, s.got("/text"))
			sid := s.got("/recording")[1].form.Get("RecordingSid")
			require.Equal(t, "absent", s.want(http.StatusOK, http.MethodGet, "/Recordings/"+sid+".json", nil).body["status"])
			s.want(http.StatusNotFound, http.MethodGet, "/Recordings/"+sid+".wav", nil)
		})
	})
	t.Run("nobody asked to be told", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			s.says("/voice", "<Record recordingStatusCallback='/recording' action='/left'/>")
			s.call(twiliotest.Caller{})
			require.Empty(t, s.got("/recording"))
		})
	})
	for _, row := range []struct {
		name  string
		says  time.Duration
		texts int
	}{{"two seconds", 2 * time.Second, 0}, {"two minutes", 2 * time.Minute, 0}, {"something between", 119 * time.Second, 1}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
				s.says("/voice", mailbox)
				s.call(twiliotest.Caller{Says: row.says, Words: "hello"})
				require.Len(t, s.got("/text"), row.texts)
				require.Equal(t, 1-row.texts, s.Stats().Alerts[13617])
			})
		})
	}
}

// Case 17.
func TestASoundIsFetched(t *testing.T) {
	t.Parallel()
	leave := func(s *site) string {
		s.says("/voice", mailbox)
		s.call(twiliotest.Caller{Says: 3 * time.Second})
		return "/Recordings/" + s.one("/left").Get("RecordingSid")
	}
	t.Run("with a login", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Media: twiliotest.Media{Missing: 2}}, func(t *testing.T, s *site) {
			medium := leave(s)
			a, err := s.apiAs("", "", http.MethodGet, medium+".mp3", nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusUnauthorized, a.status)
			s.want(http.StatusNotFound, http.MethodGet, medium+".mp3", nil)
			s.want(http.StatusNotFound, http.MethodGet, medium+".wav", nil)
			mp3 := s.want(http.StatusOK, http.MethodGet, medium+".mp3", nil)
			require.Equal(t, "audio/mpeg", mp3.header.Get("Content-Type"))
			require.Equal(t, "ID3", mp3.raw[:3])
			for _, ext := range []string{"", ".wav"} {
				requireWAV(t, s.want(http.StatusOK, http.MethodGet, medium+ext, nil).raw)
			}
			meta := s.want(http.StatusOK, http.MethodGet, medium+".json", nil)
			require.Equal(t, "3", meta.body["duration"])
			require.Equal(t, "completed", meta.body["status"])
			s.want(http.StatusNotFound, http.MethodGet, medium+".ogg", nil)
		})
	})
	t.Run("without one where the console says so", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Media: twiliotest.Media{Open: true}}, func(t *testing.T, s *site) {
			medium := leave(s)
			a, err := s.apiAs("", "", http.MethodGet, medium+".wav", nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, a.status)
			a, err = s.apiAs("", "", http.MethodGet, medium+".json", nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusUnauthorized, a.status)
		})
	})
	t.Run("from another host", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Media: twiliotest.Media{Redirect: true}}, func(t *testing.T, s *site) {
			medium := leave(s)
			requireWAV(t, s.want(http.StatusOK, http.MethodGet, medium+".wav", nil).raw)
			require.Zero(t, s.LeakedLogins(), "net/http takes the login away")
			_, err := s.api(http.MethodGet, s.MediaURL()+medium[len("/Recordings"):]+".wav", nil)
			require.NoError(t, err)
			require.Equal(t, 1, s.LeakedLogins(), "who brings it along is counted")
		})
	})
	t.Run("from storage of the account's own", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Media: twiliotest.Media{External: true}}, func(t *testing.T, s *site) {
			medium := leave(s)
			media, _ := s.want(http.StatusOK, http.MethodGet, medium+".json", nil).body["media_url"].(string)
			require.Contains(t, media, s.MediaURL())
			a, err := s.apiAs("", "", http.MethodGet, media, nil)
			require.NoError(t, err)
			requireWAV(t, a.raw)
		})
	})
	t.Run("not yet", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Media: twiliotest.Media{Ready: time.Minute}}, func(t *testing.T, s *site) {
			s.says("/voice", mailbox)
			sid, err := s.Call(twiliotest.Caller{From: caller, To: line, Says: 3 * time.Second})
			require.NoError(t, err)
			<-s.Done(sid)
			recording := s.Recordings()[0].SID
			s.want(http.StatusNotFound, http.MethodGet, "/Recordings/"+recording+".wav", nil)
			require.Equal(t, "-1", s.want(http.StatusOK, http.MethodGet, "/Recordings/"+recording+".json", nil).body["duration"])
			s.settle()
			s.want(http.StatusOK, http.MethodGet, "/Recordings/"+recording+".wav", nil)
		})
	})
	t.Run("cut in the middle", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			medium := leave(s)
			s.Inject(twiliotest.Fault{Path: "/2010-04-01/Accounts/*/Recordings/*.wav", Count: 1, Effect: twiliotest.Truncate()})
			_, err := s.api(http.MethodGet, medium+".wav", nil)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			requireWAV(t, s.want(http.StatusOK, http.MethodGet, medium+".wav", nil).raw)
		})
	})
	t.Run("deleted", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			medium := leave(s)
			s.want(http.StatusNoContent, http.MethodDelete, medium+".json", nil)
			s.want(http.StatusNotFound, http.MethodGet, medium+".wav", nil)
			require.Empty(t, s.list("/Recordings.json", "recordings", "sid"))
			require.Equal(t, []string{"deleted"}, s.list("/Recordings.json?IncludeSoftDeleted=true", "recordings", "status"))
		})
	})
}

// requireWAV reads what any player would: three seconds of sound.
func requireWAV(t *testing.T, raw string) {
	t.Helper()
	data := []byte(raw)
	require.Greater(t, len(data), 44)
	require.Equal(t, "RIFF", string(data[:4]))
	require.EqualValues(t, len(data)-8, binary.LittleEndian.Uint32(data[4:]))
	rate := binary.LittleEndian.Uint32(data[28:])
	size := binary.LittleEndian.Uint32(data[40:])
	require.Equal(t, 3*time.Second, time.Duration(size)*time.Second/time.Duration(rate))
	require.Contains(t, string(data), "RE", "its comment names the recording")
	require.False(t, bytes.Equal(data[44:1044], make([]byte, 1000)), "there is something to hear")
}

// Case 18.
func TestARecordingNamesItsCall(t *testing.T) {
	t.Parallel()
	t.Run("the parent", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/voice", rings("record='record-from-answer-dual' recordingStatusCallback='/recording'", ana))
			call := s.call(twiliotest.Caller{})
			got := s.one("/recording")
			require.Equal(t, call.SID, got.Get("CallSid"))
			require.Equal(t, "2", got.Get("RecordingChannels"))
			require.Equal(t, "DialVerb", got.Get("RecordingSource"))
			require.Equal(t, "60", got.Get("RecordingDuration"))
			require.Equal(t, got.Get("RecordingUrl"), s.one("/after").Get("RecordingUrl"))
			require.Equal(t, []string{got.Get("RecordingSid")}, s.list("/Calls/"+call.SID+"/Recordings.json", "recordings", "sid"))
		})
	})
	t.Run("the conference", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{Phones: phones()}, func(t *testing.T, s *site) {
			s.says("/voice", "<Dial><Conference record='record-from-start' recordingStatusCallback='/recording' endConferenceOnExit='true'>room</Conference></Dial>")
			sid, err := s.Call(twiliotest.Caller{From: caller, To: line, HangsUp: time.Minute})
			require.NoError(t, err)
			<-time.After(time.Second) // until he is in it
			s.want(http.StatusCreated, http.MethodPost, "/Conferences/room/Participants.json", form("From", line, "To", ana))
			s.settle()
			got := s.one("/recording")
			require.NotContains(t, got, "CallSid")
			require.NotEmpty(t, got.Get("ConferenceSid"))
			require.Equal(t, "1", got.Get("RecordingChannels"))
			require.NotEmpty(t, sid)
		})
	})
	t.Run("begun by a verb that does not wait", func(t *testing.T) {
		t.Parallel()
		inBubble(t, twiliotest.Config{}, func(t *testing.T, s *site) {
			s.says("/voice", "<Start><Recording recordingStatusCallback='/recording'/></Start><Pause length='30'/>")
			call := s.call(twiliotest.Caller{})
			require.Equal(t, call.SID, s.one("/recording").Get("CallSid"))
			require.Equal(t, "30", s.one("/recording").Get("RecordingDuration"))
		})
	})
}
