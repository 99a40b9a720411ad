package bridge

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"

	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// shownFields are the fields of a call record that its comment shows, as far as
// they are known, in this order.
var shownFields = []string{
	"direction", "completion_status", "from_line", "from_line_nickname", "to_line", "to_line_nickname", "end_user_location",
	"call_started_at", "call_ended_at", "duration", "queue_name", "queue_time", "call_abandoned_position", "wait_time", "time_to_answer", "talk_time", "hold_time",
	"outside_business_hours", "voicemail", "call_recording_consent", "recording_time", "recording_url", "transcript",
}

// unknownLine stands for a number that the phone system did not tell: Zendesk
// demands one.
const unknownLine = "unknown"

// callRecord renders the record, and the comment that shows it.
func (w *work) callRecord() zendesk.NewCall {
	fields := w.callFields()
	return zendesk.NewCall{Call: fields, Comment: &zendesk.CallComment{Fields: namesOf(fields), Title: clip(w.subject(), maxSubject)}}
}

// callFields are all that is known of a call that is over.
func (w *work) callFields() zendesk.CallFields {
	call := w.call
	f := zendesk.CallFields{
		AppID: w.step.App, TicketID: w.record.Ticket, ExternalID: string(w.id),
		Direction: zendesk.CallInbound, FromLine: cmp.Or(w.show(call.From), unknownLine), ToLine: cmp.Or(w.show(call.To), unknownLine),
		EndUserLocation: w.location(),
		StartedAt:       call.StartedAt, EndedAt: call.EndedAt, Duration: zendesk.InSeconds(call.Duration()), WaitTime: zendesk.InSeconds(call.Wait()),
		QueueName: clip(wording.Literal(telephony.StripControls(call.Queue())), maxName), CompletionStatus: completion(call),
		Voicemail: new(call.Voicemail != nil), CallType: "phone", RecordingConsent: w.policy.consent(call),
	}
	if !w.step.Bare {
		f.AgentID, f.EndUserID = w.answeredBy(), w.record.Caller
	}
	nickname := clip(w.policy.line(call).Name, maxName)
	if call.Direction == telephony.Outbound {
		f.Direction, f.FromLineNickname = zendesk.CallOutbound, nickname
	} else {
		f.ToLineNickname, f.DNIS = nickname, f.ToLine
	}
	if call.Answered() {
		f.TimeToAnswer, f.TalkTime, f.HoldTime = zendesk.InSeconds(call.Wait()), zendesk.InSeconds(call.TalkTime()), zendesk.InSeconds(call.HoldTime())
	}
	if len(call.Queues) > 0 {
		f.QueueTime = zendesk.InSeconds(queued(call))
	}
	if place := call.AbandonedPosition(); place > 0 {
		f.AbandonedPosition = strconv.Itoa(place)
	}
	if hours := w.policy.form(call).Hours; hours != nil && !call.StartedAt.IsZero() {
		f.OutsideBusinessHours = new(!hours.Open(call.StartedAt))
	}
	if !w.step.Bare {
		f.Transcript = w.spoken()
	}
	if sound := w.record.sound(); sound.playable() {
		f.RecordingURL = sound.URL
		if sound.Seconds > 0 {
			f.RecordingTime = new(zendesk.Seconds(sound.Seconds))
		}
	}
	return f
}

// queued is how long the caller waited in queues. Where nobody told that he left
// one, he did so when he was answered, or at the end.
func queued(call telephony.State) time.Duration {
	var total time.Duration
	for _, q := range call.Queues {
		left := q.LeftAt
		if left.IsZero() {
			left = call.EndedAt
			if call.Answered() {
				left = call.AnsweredAt
			}
		}
		total += max(0, left.Sub(q.JoinedAt))
	}
	return total
}

// completion says in Zendesk's words how a call ended. Who left a message got
// through to what he was offered.
func completion(call telephony.State) zendesk.CompletionStatus {
	switch call.Disposition {
	case telephony.Answered:
		if call.EndedOnHold() {
			return zendesk.CallAbandonedOnHold
		}
		return zendesk.CallCompleted
	case telephony.LeftVoicemail:
		return zendesk.CallCompleted
	case telephony.Abandoned:
		if len(call.Queues) > 0 {
			return zendesk.CallAbandonedInQueue
		}
		return zendesk.CallMissed
	case telephony.Busy, telephony.Failed:
		return zendesk.CallFailed
	case telephony.Missed:
	}
	return zendesk.CallMissed
}

// namesOf are those of the shown fields that are set.
func namesOf(fields zendesk.CallFields) []string {
	var set map[string]json.RawMessage
	data, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(data, &set)
	}
	if err != nil {
		return nil // plain fields only
	}
	var names []string
	for _, name := range shownFields {
		if _, known := set[name]; known {
			names = append(names, name)
		}
	}
	return names
}
