package sys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// limited makes of an error that stands for a limit an ErrRefused that says which, and
// leaves any other alone.
func limited(err error) error {
	switch {
	case errors.Is(err, unix.EMFILE):
		return refused(err, "raise the limit of open files (ulimit -n, in a unit LimitNOFILE=)")
	case errors.Is(err, unix.ENFILE):
		return refused(err, "all files that the system can have are open: end some processes, or raise fs.file-max")
	case errors.Is(err, unix.EFBIG):
		return refused(err, "make a smaller queue, or raise the limit of file sizes (ulimit -f, in a unit LimitFSIZE=)")
	case errors.Is(err, unix.ENOMEM):
		return refused(err, "free memory, or raise the limit of address space (ulimit -v, in a unit LimitAS=)")
	}
	return err
}

// refused makes an error an ErrRefused.
func refused(err error, remedy string) error {
	return fmt.Errorf("%w: %w; %s", ErrRefused, err, remedy)
}

// networks are the filesystems that several machines can mount: their mappings are not
// coherent, and their locks end when a server says so.
var networks = map[int64]string{
	unix.NFS_SUPER_MAGIC:   "NFS",
	unix.SMB_SUPER_MAGIC:   "SMB",
	unix.SMB2_SUPER_MAGIC:  "SMB",
	unix.CIFS_SUPER_MAGIC:  "SMB",
	unix.NCP_SUPER_MAGIC:   "NCP",
	unix.AFS_SUPER_MAGIC:   "AFS",
	unix.AFS_FS_MAGIC:      "AFS",
	unix.CODA_SUPER_MAGIC:  "Coda",
	unix.CEPH_SUPER_MAGIC:  "Ceph",
	unix.V9FS_MAGIC:        "9p",
	unix.OCFS2_SUPER_MAGIC: "OCFS2",
	0x01161970:             "GFS2",
	0x0bd00bd0:             "Lustre",
	0x47504653:             "GPFS",
	0x19830326:             "BeeGFS",
}

// Network returns the kind of network filesystem that the file is on, or "".
func (f *File) Network() string {
	k, err := f.kindOf()
	if err != nil {
		return ""
	}
	return networks[int64(k.fs)]
}
