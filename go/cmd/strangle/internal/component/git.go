package component

var git = Component{
	Name:    "git",
	Summary: "clones, pulls, checkouts and questions about repositories, for both clients",
	Seams: []Seam{{
		Directory: "db_lib",
		Whole:     []string{"CmdGitClient.go", "GoGitClient.go"},
		Glue: []GlueFile{
			{Path: "machine_rust.go", Source: "git/machine.go.txt"},
			{Path: "git_rust.go", Source: "git/git.go.txt"},
		},
	}},
	Shadow: []Shadow{{
		Directory: "db_lib",
		Copies:    []Copy{{From: "CmdGitClient.go", Into: "CmdGitClient_shadow.go"}, {From: "GoGitClient.go", Into: "GoGitClient_shadow.go"}},
		On:        GlueFile{Path: "shadow_git.go", Source: "git/git_shadow.go.txt"},
		Off:       GlueFile{Path: "shadow_git_off.go", Source: "git/git_shadow_off.go.txt"},
	}},
	Drops: []string{"github.com/go-git/go-git/v5"},
}
