// OlderFile: what stands where a command makes a file, kept until the new one is good.
//
//   OlderFile older(file, ".old", complaint);
//   if (complaint.made()) return;
//   ...                              // make the file
//   older.leave();                   // or drop(); otherwise it comes back with the scope's end
#pragma once

#include <string>

#include "cli/words.h"

namespace spindle::cli {

class OlderFile {
 public:
  /// Renames the file, if there is one, to its name with the suffix.
  OlderFile(const std::string& path, const std::string& suffix, Complaint& complaint);
  OlderFile(const OlderFile&) = delete;
  OlderFile& operator=(const OlderFile&) = delete;
  ~OlderFile();

  /// It stays where it was put.
  void leave() { is_aside_ = false; }
  /// It is removed.
  void drop();

 private:
  std::string path_;
  std::string aside_;
  bool is_aside_ = false;
};

}  // namespace spindle::cli
