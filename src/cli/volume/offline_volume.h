// An unmounted image, served for a while by this process: all changes go through the file system,
// so that the image is always whole, whenever the process ends.
//
//   Result<> done = with_offline_volume(image, nullptr, [&](FileSystem& volume) -> Result<> { ...
//   });
//
// The image is locked meanwhile, and no timer commits anything. With a clock of one's own, the same
// calls on the same image leave the same bytes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spindle/fs/file_system.h"

namespace spindle::cli {

/// EBUSY if it is mounted. Unmounts even after a failure of `body`, whose error it then returns.
/// `clock_seconds`: the time by which all is stamped; begins when the volume was last written, and
/// stands until somebody moves it. Null: the real time.
Result<> with_offline_volume(const std::string& image, std::int64_t* clock_seconds,
                             const std::function<Result<>(FileSystem& volume)>& body);

struct VolumeFile {
  std::string path;  ///< "/folder/name"
  NodeId node = 0;
};
/// All regular files, each once.
Result<std::vector<VolumeFile>> regular_files(FileSystem& volume);

/// Whether the file begins as a volume does.
bool is_volume_image(const std::string& path);

/// The clause to tell a person who asked for an image: "it is mounted ...".
std::string offline_reason(const Error& error);

/// While it lives, Ctrl-C only asks to stop: what has begun comes to its end.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;
  [[nodiscard]] static bool made();

 private:
  void (*before_)(int);
};

}  // namespace spindle::cli
