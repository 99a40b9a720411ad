package config

import "time"

// AgentStatus says which of the account's agent statuses go with what happens on the phone. At least one of OnCall, Paused and PauseOn is set.
type AgentStatus struct {
	// Status of an agent who talks on the phone, by its name in Admin Center or its id. It is taken back after the call, unless somebody changed it meanwhile.
	OnCall string `yaml:"on_call"`
	// Status of an agent who is paused in all queues of the phone system.
	Paused string `yaml:"paused"`
	// Statuses whose agents are paused in the queues of the phone systems.
	PauseOn []string `yaml:"pause_on"`
	// How often statuses are read for pause_on: Zendesk does not tell of changes.
	Poll time.Duration `yaml:"poll" check:"5s..10m"`
}

// setDefaults is called by the decoder on each new AgentStatus, before the file's values.
func (a *AgentStatus) setDefaults() { a.Poll = 30 * time.Second }
