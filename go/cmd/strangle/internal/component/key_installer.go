package component

var keyInstaller = Component{Name: "key_installer"}
