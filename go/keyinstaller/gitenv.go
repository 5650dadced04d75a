package keyinstaller

import "strings"

// GitEnv is the environment (NAME=VALUE) in which git uses an agent and asks nobody: for hosts that start git themselves. Socket and
// the configuration file of ssh may be empty.
func GitEnv(socket, sshConfigPath string) []string {
	env := []string{"GIT_TERMINAL_PROMPT=0"}
	if socket == "" {
		return env
	}
	command := "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
	if sshConfigPath != "" {
		command += " -F " + quoted(sshConfigPath)
	}
	return append(env, "SSH_AUTH_SOCK="+socket, "GIT_SSH_COMMAND="+command)
}

// quoted writes a word for the shell that git gives the command to.
func quoted(word string) string {
	const plain = "@%+=:,./-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
