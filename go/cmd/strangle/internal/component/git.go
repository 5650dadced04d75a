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
	Drops: []string{"github.com/go-git/go-git/v5"},
}
