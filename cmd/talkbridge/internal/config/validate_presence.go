package config

// agentStatus judges which statuses go with the phone.
func (v *validator) agentStatus() {
	a := v.cfg.AgentStatus
	const path = "agent_status"
	if a == nil || v.blamed(path) {
		return
	}
	if a.OnCall == "" && a.Paused == "" && len(a.PauseOn) == 0 {
		v.problem(v.at[path].key, path, "says of no status when it is to be set", "give on_call, paused or pause_on; or take the section out")
	}
	for _, name := range []string{a.OnCall, a.Paused} {
		if name == "2" || name == "offline" || name == "Offline" {
			v.problem(v.place(path), path, "would make agents offline", "name a status in which they are still there, such as away")
		}
	}
}
