// to_png: a picture as pixels, for what cannot show SVG: a document, a terminal, a chat.
//
//   const Result<std::string> png = to_png(svg.document());
//
// Drawn by librsvg, which brings forty libraries with it. So it is loaded when the first picture is
// asked for, and a program that draws none, the daemon of a mount above all, never pays for it.
#pragma once

#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle::chart {

/// The bytes of a PNG file, `scale` pixels for each of the drawing's. ENOTSUP if librsvg is not
/// installed, EINVAL if it cannot read the document, EFBIG if the picture has more than 32,000
/// pixels on a side.
Result<std::string> to_png(std::string_view svg_document, double scale = 2);

}  // namespace spindle::chart
