package bench

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// Machine is what a number was measured on; without it no number means anything.
type Machine struct {
	CPU      string  `json:"cpu"`
	Cores    int     `json:"cores"`
	MemoryMB int     `json:"memory_mib"`
	System   string  `json:"system"`
	Go       string  `json:"go"`
	Postgres string  `json:"postgres"`
	Commit   string  `json:"commit"`
	Load     float64 `json:"load"` // of the last minute, before the run: above 0.5 others were at work
}

// ThisMachine reads what there is to know; what cannot be read is left empty.
func ThisMachine(postgres string) Machine {
	m := Machine{Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Postgres: postgres}
	m.CPU = field("/proc/cpuinfo", "model name")
	if kib, err := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB")); err == nil {
		m.MemoryMB = kib >> 10
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _ = strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	}
	if out, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(out))
	}
	return m
}

// Lines is the machine for people.
func (m Machine) Lines() []string {
	return []string{
		fmt.Sprintf("%s, %d cores, %d MiB, %s, load before the run %.2f", m.CPU, m.Cores, m.MemoryMB, m.System, m.Load),
		fmt.Sprintf("%s, PostgreSQL %s with fsync, rekey %s", m.Go, m.Postgres, m.Commit),
	}
}

// field is the value of the first line "name: value" of a file of /proc.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
