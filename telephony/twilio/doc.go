// Package twilio is the driver for Twilio Voice: it is told of calls by Twilio's
// webhooks, and translates them into telephony.Events.
//
// It works in one of two ways. To observe, an existing Twilio application points
// its callbacks here, and nothing that is answered steers a call. To answer,
// Twilio asks talkbridge what to do with a call, and is told in TwiML.
//
// It looks at no audio (package voicemail fetches it), and knows neither Zendesk
// nor the journal: what it is told is acknowledged when the Sink has it. What no
// callback told is found in Twilio's lists of calls and recordings.
//
// See Source.
package twilio
