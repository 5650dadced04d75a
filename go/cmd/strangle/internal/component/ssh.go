package component

var ssh = Component{
	Name:    "ssh",
	Summary: "the agent that holds a private key for ssh",
	Seams: []Seam{{
		Directory: "pkg/ssh",
		Splits: []Split{{
			From: "agent.go", Into: "agent_go.go",
			Declarations: []string{"AgentKey", "Agent", "NewAgent", "(*Agent).Listen", "(*Agent).Close", "StartSSHAgent"},
		}},
		Glue: []GlueFile{
			{Path: "agent_rust.go", Source: "ssh/agent.go.txt"},
			{Path: "machine_rust.go", Source: "ssh/machine.go.txt"},
		},
	}},
	Shadow: []Shadow{{
		Directory: "pkg/ssh",
		// No second agent runs beside the library's: what would start one is in the file that compares.
		Copies: []Copy{{From: "agent_go.go", Into: "agent_shadow.go", Leave: []string{"StartSSHAgent"}}},
		On:     GlueFile{Path: "shadow_agent.go", Source: "ssh/agent_shadow.go.txt"},
		Off:    GlueFile{Path: "shadow_agent_off.go", Source: "ssh/agent_shadow_off.go.txt"},
	}},
}
