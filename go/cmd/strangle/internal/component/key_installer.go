package component

var keyInstaller = Component{
	Name:    "key_installer",
	Summary: "access keys made ready for git and Ansible",
	Seams: []Seam{{
		Directory: "pkg/ssh",
		// What the component ssh left in it: AccessKeyInstallation and KeyInstaller.
		Whole: []string{"agent.go"},
		Glue:  []GlueFile{{Path: "key_installer_rust.go", Source: "key_installer/key_installer.go.txt"}},
	}},
	Shadow: []Shadow{{
		Directory: "pkg/ssh",
		Copies:    []Copy{{From: "agent.go", Into: "key_installer_shadow.go"}},
		On:        GlueFile{Path: "shadow_key_installer.go", Source: "key_installer/key_installer_shadow.go.txt"},
		Off:       GlueFile{Path: "shadow_key_installer_off.go", Source: "key_installer/key_installer_shadow_off.go.txt"},
	}},
	ShadowNeeds: "ssh",
}
