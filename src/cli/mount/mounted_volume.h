// One mounted volume, from its image up to the kernel, layer upon layer, until it is unmounted.
//
//   const std::string problem = serve_volume(request, {.ready = [] { ... }});
#pragma once

#include <functional>
#include <string>

#include "cli/mount/mount_options.h"

namespace spindle::cli {

struct MountRequest {
  std::string image;  ///< both paths are absolute
  std::string directory;
  bool debug = false;  ///< every request is logged
  MountOptions options;
};

/// Called on the thread that serves.
struct MountEvents {
  std::function<void()> ready = [] {};  ///< the mount answers
  std::function<void()> ended = [] {};  ///< all is written, and well; nothing is torn down yet
};

/// Mounts the volume and serves it, in a runtime on this kernel thread, until it is unmounted. The
/// sentence that says what went wrong; empty: nothing did.
std::string serve_volume(const MountRequest& request, const MountEvents& events);

}  // namespace spindle::cli
