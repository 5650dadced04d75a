#!/usr/bin/env bash
# How full are the disks? Every line is printed as soon as it is known.
set -euo pipefail

printf '\033[1;34m%s\033[0m\n' "Disks of $(uname -n)"
df -P -h -x tmpfs -x devtmpfs -x overlay 2>/dev/null | tail -n +2 | while read -r _ size _ free percent mount; do
    used=${percent%\%}
    if [ "$used" -ge 90 ] 2>/dev/null; then colour='31'; elif [ "$used" -ge 70 ] 2>/dev/null; then colour='33'; else colour='32'; fi
    printf '\033[%sm%5s used\033[0m  %6s free of %6s  %s\n' "$colour" "$percent" "$free" "$size" "$mount"
    sleep 0.3
done
printf '\033[32m%s\033[0m\n' 'done'
