#include <fcntl.h>
#include <linux/quota.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "runner/doctor/checks.h"

namespace medsweep::runner {
namespace {

// f_type of statfs(2): NFS, Lustre, CIFS and SMB2, BeeGFS, GPFS, Ceph.
constexpr std::array<std::uint32_t, 7> kRemoteTypes{0x6969,     0x0BD00BD0, 0xFF534D42, 0xFE534D42,
                                                    0x19830326, 0x47504653, 0x00C36400};

/// The user's quota on a local file system, where there is one (Linux 5.14 or later).
void apply_quota(const FileDescriptor& folder, DiskFacts& facts) {
#ifdef SYS_quotactl_fd
  struct if_dqblk quota {};
  if (syscall(SYS_quotactl_fd, folder.get(), QCMD(Q_GETQUOTA, USRQUOTA), getuid(), &quota) != 0)
    return;  // none is set, or the kernel does not know the call
  if (quota.dqb_bhardlimit > 0) {
    const double limit = double(quota.dqb_bhardlimit) * 1024;
    facts.free_bytes = std::clamp(limit - double(quota.dqb_curspace), 0.0, facts.free_bytes);
    facts.has_quota = true;
  }
  if (quota.dqb_ihardlimit > 0) {
    const double left = double(quota.dqb_ihardlimit) - double(quota.dqb_curinodes);
    facts.free_files = std::max(0.0, std::min(left, facts.free_files.value_or(left)));
    facts.has_quota = true;
  }
#endif
}

}  // namespace

DiskFacts read_disk_facts(const std::filesystem::path& folder) {
  DiskFacts facts;
  facts.folder = std::filesystem::absolute(folder);
  while (!std::filesystem::is_directory(facts.folder)) facts.folder = facts.folder.parent_path();
  const std::string name = facts.folder.string();
  struct statvfs space {};
  check_errno(statvfs(name.c_str(), &space), "doctor", name);
  facts.free_bytes = double(space.f_bavail) * double(space.f_frsize);
  if (space.f_files > 0) facts.free_files = double(space.f_favail);
  struct statfs kind {};
  check_errno(statfs(name.c_str(), &kind), "doctor", name);
  facts.is_remote =
      std::count(kRemoteTypes.begin(), kRemoteTypes.end(), std::uint32_t(kind.f_type)) > 0;
  const FileDescriptor opened(
      int(check_errno(open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "doctor", name)));
  apply_quota(opened, facts);
  return facts;
}

}  // namespace medsweep::runner
