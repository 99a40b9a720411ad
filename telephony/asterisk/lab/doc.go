// Package lab runs a real Asterisk, and telephones that call through it, on the
// loopback interface: no root, no container, nothing installed on the machine.
//
//   - [Install] unpacks Asterisk from Debian's packages into a cache (install.sh);
//   - [Start] boots it with the small contact centre of the folder config: a
//     carrier, telephones, direct lines, queues, ring groups, mobiles, voicemail;
//   - [PBX.Place] lets a telephone or a caller follow a script of the folder
//     phones, with real SIP and real audio, by sipp;
//   - [PBX.Calls] says what the PBX itself saw, as a witness that is independent
//     of what is tested;
//   - [PBX.Stop], [PBX.Kill] and [PBX.Boot] end it and bring it back in mid-call.
//
// Each PBX has a /24 of its own in 127.0.0.0/8, with the usual ports, so that
// several run beside each other. All traffic stays there; Asterisk's resolver
// also opens two UDP sockets on all addresses, on which nothing is sent.
//
// What it does NOT do: it knows nothing of what is tested, offers no ARI, no
// SIP over TCP or TLS, no registration, and no other platform than Linux. It is
// for tests only.
package lab
