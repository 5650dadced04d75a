package db_lib

import (
	"os"
	"os/exec"
	"path"
	"strings"

	"github.com/creack/pty"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// AnsiblePlaybook starts Ansible's programs in the clone of a template.
type AnsiblePlaybook struct {
	TemplateID int
	Repository db.Repository
	Logger     task_logger.Logger
}

func (p AnsiblePlaybook) makeCmd(command string, args []string, environmentVars []string) *exec.Cmd {
	cmd := exec.Command(command, args...)
	cmd.Dir = p.GetFullPath()
	cmd.Env = append([]string{"PYTHONUNBUFFERED=1", "ANSIBLE_FORCE_COLOR=True", "ANSIBLE_HOST_KEY_CHECKING=False"}, getEnvironmentVars()...)
	cmd.Env = append(cmd.Env, "HOME="+getHomeDir(p.Repository, p.TemplateID), "PWD="+cmd.Dir)
	if util.Config.HomeDirMode == util.HomeDirModeTemplateDir {
		cmd.Env = append(cmd.Env, "ANSIBLE_HOME="+path.Join(p.Repository.GetHomePath(p.TemplateID), ".ansible"))
	}
	cmd.Env = append(cmd.Env, environmentVars...)
	cmd.SysProcAttr = util.Config.GetSysProcAttr()
	return cmd
}

// RunPlaybook runs a playbook on a terminal of its own, where questions are answered.
func (p AnsiblePlaybook) RunPlaybook(args []string, environmentVars []string, inputs map[string]string, cb func(*os.Process)) error {
	cmd := p.makeCmd("ansible-playbook", args, environmentVars)
	p.Logger.LogCmd(cmd)
	terminal, err := pty.Start(cmd)
	if err != nil {
		return err
	}
	defer terminal.Close()
	go answer(terminal, inputs)
	cb(cmd.Process)
	err = cmd.Wait()
	p.Logger.WaitLog()
	return err
}

// answer writes the answer to each question whose beginning is known, until the terminal is closed.
func answer(terminal *os.File, inputs map[string]string) {
	buffer := make([]byte, 256)
	for {
		n, err := terminal.Read(buffer)
		if err != nil {
			return
		}
		question := strings.TrimSpace(string(buffer[:n]))
		for beginning, text := range inputs {
			if strings.HasPrefix(question, beginning) {
				_, _ = terminal.WriteString(text + "\n")
			}
		}
	}
}

// RunGalaxy runs ansible-galaxy.
func (p AnsiblePlaybook) RunGalaxy(args []string, environmentVars []string) error {
	cmd := p.makeCmd("ansible-galaxy", args, environmentVars)
	p.Logger.LogCmd(cmd)
	defer p.Logger.WaitLog()
	return cmd.Run()
}

// GetFullPath is the clone.
func (p AnsiblePlaybook) GetFullPath() (path string) { return p.Repository.GetFullPath(p.TemplateID) }
