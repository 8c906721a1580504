// How much the kernel keeps of the files of a mount: read ahead, and not yet written.
#pragma once

#include <cstdint>
#include <string>

namespace spindle {

/// Widens two limits that the kernel sets for any FUSE mount, as far as this process may (root may)
/// and they are not wider already. To be called once the mount answers; asks the mount nothing.
///
/// - Of a file that is read from front to back it reads 128 KiB ahead, whatever was agreed on: the
///   size of a request. This makes it 512 KiB. More would gain little, and a program that maps a
///   file would be given too much around each page that it touches.
/// - Of what is written it keeps a hundredth of what may be unwritten in all, some 40 MB of 24 GB
///   of memory. Beyond, it hands over page by page what a program writes here and there. This makes
///   it an eighth of the volume, but at most a quarter of what may be unwritten in all. Not more of
///   a small volume: a writer learns that the volume is full when what the kernel kept is written.
void widen_kernel_cache(const std::string& mount_point, std::uint64_t volume_bytes);

}  // namespace spindle
