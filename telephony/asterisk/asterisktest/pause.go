package asterisktest

import (
	"slices"
	"strings"
)

// flag is how Asterisk prints what is so or not.
func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

// queuePause pauses a member in all queues, or ends that. The answers are those of
// manager_pause_queue_member in Asterisk's app_queue.c; that one queue alone can be
// named is left out.
func (s *session) queuePause(m message) bool {
	member, paused := m.get("interface"), strings.ToLower(m.get("paused"))
	if member == "" || paused == "" {
		return s.send(failure(m, "Need 'Interface' and 'Paused' parameters."))
	}
	pause := slices.Contains([]string{"1", "true", "yes", "on"}, paused)
	if !s.server.pauseMember(member, pause, m.get("reason")) {
		return s.send(failure(m, "Interface not found"))
	}
	if pause {
		return s.send(success(m, "Interface paused successfully"))
	}
	return s.send(success(m, "Interface unpaused successfully"))
}

// PauseMember pauses a member in all its queues, or ends that, as a person does with
// a feature code. It reports whether it is a member of any.
func (s *Server) PauseMember(member string, paused bool, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pauseMember(member, paused, reason)
}

// Paused reports whether a member is paused.
func (s *Server) Paused(member string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused[member]
}

// pauseMember tells of it in each queue, also where it was so before.
func (s *Server) pauseMember(member string, paused bool, reason string) bool {
	found := false
	for _, queue := range s.config.Queues {
		if !slices.Contains(queue.Members, member) {
			continue
		}
		found = true
		s.paused[member] = paused
		w := s.newEvent("QueueMemberPause", "agent,all", s.config.Now())
		for _, f := range []field{
			{"Queue", queue.Name},
			{"MemberName", member},
			{"Interface", member},
			{"StateInterface", member},
			{"Membership", "static"},
			{"Penalty", "0"},
			{"CallsTaken", "0"},
			{"LastCall", "0"},
			{"LastPause", "0"},
			{"LoginTime", "0"},
			{"InCall", "0"},
			{"Status", "1"},
			{"Paused", flag(paused)},
			{"PausedReason", reason},
			{"Ringinuse", "1"},
			{"Wrapuptime", "0"},
		} {
			w.add(f.key, f.value)
		}
		s.deliver(parseEvent(w.end()))
	}
	return found
}
