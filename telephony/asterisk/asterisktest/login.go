package asterisktest

import (
	"crypto/md5" //nolint:gosec // the protocol's challenge is MD5
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"math/big"
	"strings"
)

// login takes a plain secret or the answer to a challenge.
func (s *session) login(m message) bool {
	who := s.server.accounts[m.get("username")]
	if who == nil || !who.permits(s.remote()) || !s.knows(who, m) {
		// One answer for a wrong secret, an unknown user and a refused address.
		s.send(failure(m, "Authentication failed"))
		return false
	}
	s.account = who
	s.filters = who.filters.clone()
	s.wants = everyClass
	if mask := m.get("events"); mask != "" {
		s.wants = eventMask(mask)
	}
	s.send(success(m, "Authentication accepted"))
	if classSystem&who.read&s.wants != 0 {
		s.send(s.server.fullyBooted()) // not subject to filters
	}
	s.server.reportLogin(s)
	return true
}

// knows checks what the client offers as proof.
func (s *session) knows(who *account, m message) bool {
	offered, expected := m.get("secret"), who.Secret
	if strings.EqualFold(m.get("authtype"), "MD5") {
		if s.challenge == "" {
			return false
		}
		sum := md5.Sum([]byte(s.challenge + who.Secret)) //nolint:gosec // the protocol's challenge is MD5
		offered, expected = strings.ToLower(m.get("key")), hex.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(offered), []byte(expected)) == 1
}

func (s *session) sendChallenge(m message) bool {
	if !strings.EqualFold(m.get("authtype"), "MD5") {
		return s.send(failure(m, "Must specify AuthType"))
	}
	if s.challenge == "" {
		number, err := rand.Int(rand.Reader, big.NewInt(1<<31))
		if err != nil {
			return s.send(failure(m, "Unable to allocate memory for challenge"))
		}
		s.challenge = number.String()
	}
	w := respond(m, "Success")
	w.add("Challenge", s.challenge)
	return s.send(w.end())
}

// fullyBooted is sent right after login to those who read the class system.
// It carries neither time stamp nor system name.
func (s *Server) fullyBooted() []byte {
	uptime := int(s.config.Now().Sub(s.started).Seconds())
	w := &writer{}
	w.add("Event", "FullyBooted")
	w.add("Privilege", "system,all")
	w.addInt("Uptime", uptime)
	w.addInt("LastReload", uptime)
	w.add("Status", "Fully Booted")
	return w.end()
}

// reportLogin sends the security event of a login; the caller holds the lock.
func (s *Server) reportLogin(in *session) {
	now := s.config.Now()
	when := now.UTC().Format("2006-01-02T15:04:05.000-0700")
	w := s.newEvent("SuccessfulAuth", "security,all", now)
	w.add("EventTV", when)
	w.add("Severity", "Informational")
	w.add("Service", "AMI")
	w.add("EventVersion", "1")
	w.add("AccountID", in.account.Name)
	w.add("SessionID", "0x7f0000000000")
	w.add("LocalAddress", "IPV4/TCP/"+slashed(in.raw.LocalAddr().String()))
	w.add("RemoteAddress", "IPV4/TCP/"+slashed(in.raw.RemoteAddr().String()))
	w.add("UsingPassword", "0")
	w.add("SessionTV", when)
	e := parseEvent(w.end())
	for session := range s.sessions {
		session.offer(e)
	}
}

func slashed(address string) string {
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return address
	}
	return address[:i] + "/" + address[i+1:]
}
