// The two operations that list a directory: names alone, and with what is known of each.
#pragma once

#include "session_state.h"

namespace spindle {

void do_readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t position,
                fuse_file_info* file);
void do_readdirplus(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t position,
                    fuse_file_info* file);

}  // namespace spindle
