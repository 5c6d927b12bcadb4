package system_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

var childRoles = map[string]testproc.Role{
	testagent.RoleName: testagent.Play,
	"attach-and-die":   attachAndDie,
	"attach-many":      attachMany,
	"create":           createOnCommand,
	"create-small":     createOnSmallFilesystem,
	"attach-small":     attachOnSmallFilesystem,
	"full-later":       fullLater,
	"no-page":          noPage,
	"mounted-file":     mountedFile,
	"open-as":          openAs,
	"create-umask":     createUnderUmask,
	"no-tmpfile":       createWithoutTmpfile,
	"killed-segment":   dieWithSegment,
	"no-sysv":          createWithoutSysV,
	"other-ipc":        lookFromAnotherIPC,
	"ipc-limits":       reachLimits,
	"other-user":       useAsAnotherUser,
	"touch-cut":        touchCut,
	"fork":             attachAndFork,
	"refused":          underFilter,
	"user":             obeyAsUser,
	"read-only":        onReadOnlyFilesystem,
	"overlay":          onOverlay,
	"without-proc":     withoutProc,
	"network":          onNetworkFilesystem,
	"container":        inContainer,
	"quota":            createOverQuota,
	"few-files":        withFewFiles,
	"small-files":      withSmallFiles,
	"little-locked":    withLittleLocked,
	"attach-and-spawn": attachAndSpawn,
	"open-fds-as":      openFDsAs,
	"no-proc":          attachWithoutProc,
	"no-memfd":         createWithoutMemfd,
	"give-queue":       giveQueue,
	"take-queue":       takeQueue,
	"receive-too-many": receiveTooMany,
}

func TestMain(m *testing.M) { testproc.Main(m, childRoles) }
