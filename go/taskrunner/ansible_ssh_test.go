//go:build rust && cgo

package taskrunner_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

const becoming = `- hosts: all
  gather_facts: false
  vars_files: [hidden.yml]
  tasks:
    - ansible.builtin.command: id -un
      register: me
    - ansible.builtin.command: id -un
      become: true
      register: other
    - ansible.builtin.debug:
        msg: "{{ me.stdout }} became {{ other.stdout }} and read {{ hidden }}"
`

// A real host: login by a key in an agent or by password, another user by password, and a vault; the passwords are typed at prompts.
func TestAnsibleLogsIntoAHost(t *testing.T) {
	testkit.Need(t, "ansible-playbook")
	testkit.Need(t, "sshpass")
	server := testkit.NewSSHServer(t)
	logins := map[string]taskrunner.KeyKind{
		"publickey": taskrunner.SSHKey(server.User, "login", "passphrase"),
		"password":  taskrunner.PasswordKey(server.User, "password"),
	}
	for method, login := range logins {
		t.Run(method, func(t *testing.T) {
			w := newWorld(t)
			options := w.local("ansible", "site.yml", becoming)
			w.Write("repository/hidden.yml", "hidden: treasure\n")
			w.Sh("", "printf 'open sesame' > vault-password")
			w.Sh("repository", fmt.Sprintf("%s encrypt --vault-id safe@%s hidden.yml", testkit.Need(t, "ansible-vault"), w.Path("vault-password")))
			w.Sh("", "rm vault-password")
			options.Spec.Inventory = &taskrunner.Inventory{
				ID: 7, Name: "hosts", Kind: taskrunner.InventoryStatic,
				Content: fmt.Sprintf("web1 ansible_host=%s ansible_port=%d ansible_python_interpreter=/usr/bin/python3 ansible_ssh_args='-o ControlMaster=no'\n", server.Host, server.Port),
				Key:     &taskrunner.Key{ID: 8, Kind: login}, BecomeKey: &taskrunner.Key{ID: 9, Kind: taskrunner.PasswordKey("root", "sudo")},
			}
			options.Spec.Vaults = []taskrunner.Vault{{Name: "safe", Kind: taskrunner.VaultKind{Password: &taskrunner.Secret{Name: "vault"}}}}
			options.Secrets = taskrunner.Secrets{
				"login": []byte(server.PrivateKey), "passphrase": []byte(server.Passphrase), "password": []byte(server.Password),
				"sudo": []byte(server.SudoPassword), "vault": []byte("open sesame"),
			}
			before := len(server.Logins())
			w.succeeds(options)
			w.hasLine(server.User + " became root and read treasure")
			for _, secret := range []string{server.Password, server.SudoPassword, "open sesame"} {
				if w.log.Has(secret) {
					t.Errorf("%q is in the log", secret)
				}
			}
			fresh := server.Logins()[before:]
			if len(fresh) == 0 || slices.ContainsFunc(fresh, func(login string) bool { return login != method+" for "+server.User }) {
				t.Error(fresh)
			}
			options.Secrets["vault"] = []byte("not the password")
			if outcome, err := w.run(options); err == nil || outcome.Status != tasklogger.TaskFailStatus {
				t.Errorf("with a wrong vault password: %+v %v", outcome, err)
			}
			w.hasLine("no vault secrets were found that could decrypt")
		})
	}
}

// An unknown host is a reason with a code, in strict mode, before anything runs there.
func TestAnsibleRefusesAHostThatNobodyKnows(t *testing.T) {
	testkit.Need(t, "ansible-playbook")
	server := testkit.NewSSHServer(t)
	w := newWorld(t)
	options := w.local("ansible", "site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.ping:\n")
	options.Spec.Inventory = &taskrunner.Inventory{
		ID: 7, Name: "hosts", Kind: taskrunner.InventoryStatic,
		Content: fmt.Sprintf("web1 ansible_host=%s ansible_port=%d ansible_python_interpreter=/usr/bin/python3 ansible_ssh_args='-o ControlMaster=no'\n", server.Host, server.Port),
		Key:     &taskrunner.Key{ID: 8, Kind: taskrunner.SSHKey(server.User, "login", "passphrase")},
	}
	options.Secrets = taskrunner.Secrets{"login": []byte(server.PrivateKey), "passphrase": []byte(server.Passphrase)}
	options.Spec.HostKeys.Mode = "strict"
	if outcome, err := w.run(options); err == nil || outcome.Status != tasklogger.TaskFailStatus {
		t.Errorf("%+v %v", outcome, err)
	}
	w.locked(func() {
		if !slices.ContainsFunc(w.problems, func(p tasklogger.Problem) bool { return p.Code == "host_key" }) {
			t.Errorf("%+v\n%s", w.problems, strings.Join(w.log.Lines(), "\n"))
		}
	})
	options.Spec.HostKeys.KnownHosts = server.KnownHosts + "\n"
	w.succeeds(options)
}

func TestStagesAreTold(t *testing.T) {
	w := newWorld(t)
	w.succeeds(w.local("bash", "x.sh", "true"))
	w.locked(func() {
		if !slices.Equal(w.stages, []string{"workspace", "keys", "checkout", "inventory", "requirements", "run"}) || time.Since(w.begun) > time.Minute {
			t.Error(w.stages, w.begun)
		}
	})
}
