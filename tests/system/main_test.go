package system_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

var childRoles = map[string]testproc.Role{
	testagent.RoleName: testagent.Play,
	"attach-many":      attachMany,
	"create":           createOnCommand,
	"open-as":          openAs,
	"create-umask":     createUnderUmask,
	"refused":          underFilter,
	"user":             obeyAsUser,
	"read-only":        onReadOnlyFilesystem,
	"overlay":          onOverlay,
	"without-proc":     withoutProc,
	"network":          onNetworkFilesystem,
	"container":        inContainer,
	"quota":            createOverQuota,
	"quota-of-files":   createOverQuotaOfFiles,
	"few-files":        withFewFiles,
	"small-files":      withSmallFiles,
	"little-locked":    withLittleLocked,
}

func TestMain(m *testing.M) { testproc.Main(m, childRoles) }
