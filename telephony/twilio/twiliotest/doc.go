// Package twiliotest is an in-memory simulator of the part of Twilio that a program with voice calls uses: numbers
// that can be called, TwiML that is run, phones that ring, signed callbacks, recordings with a login, and the REST API
// (2010-04-01). It knows nothing of any client, so that it serves the tests of any program, and a demonstration without
// an account.
//
// What makes it worth more than a fake that says yes:
//
//   - [Server.Call] places a call as somebody outside does: the number's VoiceUrl is asked, its TwiML is run verb by
//     verb, phones answer, ring on, are busy or are machines, and the callbacks that Twilio would send are sent.
//   - Callbacks are signed with Twilio's algorithm, delivered within the time-outs and retries that the fragment of
//     their URL asks for, and can be repeated, reordered, delayed and dropped on their way: [Server.Meddle].
//   - REST lists filter by day, lag behind the data and shift while they are paged; requests meet faults:
//     [Server.Inject].
//   - Whatever was sent, refused, retried and lost is counted and can be looked at: [Server.Deliveries], [Server.Stats],
//     and what Twilio's debugger would say: [Server.Alerts].
//
// Time: a wait of a call (a ring, a pause, a talk) takes its length divided by [Config.Speed]; its stamps are those of
// the real clock. The time-outs of requests are never scaled. With [Config.Transport] set to [Direct] no socket is
// opened, and all of it runs within a testing/synctest bubble, where an hour takes no time.
//
// What it does not do: no audio and no speech, no SIP signalling, no SMS, no TaskRouter and no Studio (their callbacks
// can be sent by hand: [Server.Send]), no <Connect>, <Refer>, <Pay> and <Stream>, no API versions but 2010-04-01. It is no
// security boundary: listen on loopback.
//
// Facts are from Twilio's documentation, by page in the comments. Where it is silent, the simulator takes what is
// harder on the client and the comment says so; where several answers are likely, a field of [Choices] has each.
package twiliotest
