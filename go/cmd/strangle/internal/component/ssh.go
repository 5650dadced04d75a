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
}
