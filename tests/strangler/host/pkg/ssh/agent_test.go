package ssh

import "testing"

// What is left when Listen failed: keys and a name, but neither listener nor channel. The struct is written down by its unexported field.
func TestAnAgentThatNeverListenedIsClosed(t *testing.T) {
	started := NewAgent()
	for name, agent := range map[string]*Agent{
		"the zero value": {},
		"a new one":      &started,
		"without done":   {done: nil, SocketFile: "nowhere.sock"},
		"with keys":      {Keys: []AgentKey{{Key: []byte("no key"), Passphrase: []byte("x")}}},
	} {
		for range 2 {
			if err := agent.Close(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAnAgentRefusesWhatIsNoKey(t *testing.T) {
	agent := Agent{Keys: []AgentKey{{Key: []byte("no key")}}, SocketFile: t.TempDir() + "/agent.sock"}
	if err := agent.Listen(); err == nil {
		t.Error("it listens")
	}
	installation := AccessKeyInstallation{SSHAgent: &agent}
	if err := installation.Destroy(); err != nil {
		t.Error(err)
	}
}
