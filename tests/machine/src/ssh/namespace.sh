# Runs as process 1 of its own process and mount namespaces; the argument is the fixture's directory. Only in here do the
# users exist, and nothing that sshd, sudo or a session writes reaches the machine's own directories.
set -eu
directory=$1
sshd=$2

for file in passwd group shadow gshadow sudoers; do
    if [ -e "/etc/$file" ]; then mount --bind "$directory/etc/$file" "/etc/$file"; fi
done
mount --bind "$directory/etc/pam.d" /etc/pam.d
mount --bind "$directory/etc/ssh" /etc/ssh
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -m 0755 /run/sshd
mount --bind "$directory/log" /var/log
mount --bind "$directory/srv" /srv
mount --bind "$directory/home" /home
cd /

# Descriptor 3 is a pipe from the test: its end, also by the death of the test, ends the server and with it the namespace.
exec 3<&0 </dev/null
(read -r _ <&3 || true; kill -TERM 1) >/dev/null 2>&1 &
exec 3<&-
exec "$sshd" -D -E /var/log/sshd.log -f /etc/ssh/sshd_config
