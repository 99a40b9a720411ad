package bridge

import (
	"context"
	"time"

	"github.com/talkbridge/talkbridge/screenpop"
)

// pop shows a page to an agent, or notes that its moment has passed.
func (w *work) pop(ctx context.Context) result {
	want := w.step.Want
	policy := w.policy.pop(w.call)
	var out screenpop.Outcome
	if w.step.Late {
		out = screenpop.Outcome{
			Agent: want.Agent.ZendeskID, Result: screenpop.Late, Latency: max(0, w.b.now().Sub(want.Since)),
			Err: "there was nothing to show in time",
		}
	} else {
		pages := w.record.pages()
		if policy.Open == screenpop.OpenTicketOrUser && pages.OpenTicket == 0 {
			pages.OpenTicket = w.openTicket(ctx, pages.User, want.Since.Add(policy.Within()))
		}
		ticket, user, _ := policy.Open.Choose(pages)
		out = w.b.deliver.Deliver(ctx, screenpop.Pop{
			Agent: want.Agent.ZendeskID, Ticket: ticket, User: user, Since: want.Since, Deadline: policy.Deadline,
		})
	}
	w.b.metrics.pop(out)
	log := w.log.WithField("agent", want.Agent.Name).WithField("result", out.Result).WithField("latency", out.Latency.String())
	if out.Result == screenpop.Accepted {
		log.Info("page shown")
	} else {
		log.WithField("err", out.Err).Warn("page not shown")
	}
	return w.note(ctx, Outcome{Kind: Popped, Step: StepPop, Want: want.Key, Pop: &out, Reason: w.step.Reason})
}

// openTicket is the newest ticket of the caller that is still open, 0 if there
// is none, or if Zendesk does not say so in half of the time that is left: the
// page must not be lost for it.
func (w *work) openTicket(ctx context.Context, user int64, deadline time.Time) int64 {
	if user == 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, deadline.Sub(w.b.now())/2)
	defer cancel()
	ticket, found, err := w.b.zendesk.NewestOpenTicket(ctx, user)
	if err != nil {
		if classify(err, false).kind == gone {
			w.b.callers.avoid(user)
		}
		w.warn(err).Warn("open ticket of the caller not found out, the page shows him")
		return 0
	}
	if !found {
		return 0
	}
	return ticket.ID
}

// maxAudioTries bounds how often audio is fetched before the ticket goes
// without: over about twelve minutes.
const maxAudioTries = 12

// audio collects the message that the caller left.
func (w *work) audio(ctx context.Context) result {
	audio, err := w.b.audio.Collect(ctx, w.id, w.call.Voicemail.Path)
	if err != nil {
		if ctx.Err() != nil {
			return result{}
		}
		if w.record.waits[StepAudio].tries < maxAudioTries {
			return w.putOff(verdict{kind: retry}, err)
		}
		audio = Audio{Refused: err.Error()}
	}
	if audio.Refused != "" {
		w.log.WithField("err", audio.Refused).Error("voicemail not collected")
	}
	return w.note(ctx, Outcome{Kind: AudioKept, Step: StepAudio, Audio: &audio})
}

// recording collects the recording of the call.
func (w *work) recording(ctx context.Context) result {
	audio, err := w.b.audio.CollectRecording(ctx, w.id, w.call.Recording)
	if err != nil {
		if ctx.Err() != nil {
			return result{}
		}
		if w.record.waits[StepRecording].tries < maxAudioTries {
			return w.putOff(verdict{kind: retry}, err)
		}
		audio = Audio{Refused: err.Error()}
	}
	if audio.Refused != "" {
		w.log.WithField("err", audio.Refused).Error("recording not collected")
	}
	return w.note(ctx, Outcome{Kind: AudioKept, Step: StepRecording, Audio: &audio})
}
