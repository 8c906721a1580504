#include "spindle/chart/png.h"

#include <dlfcn.h>
#include <librsvg/rsvg.h>

#include <cmath>
#include <memory>

namespace spindle::chart {
namespace {

constexpr double kMostPixels = 32'000;

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

/// The functions of librsvg, and those of cairo and GObject, with which it is linked.
struct Renderer {
  decltype(&::rsvg_handle_new_from_data) new_from_data = nullptr;
  decltype(&::rsvg_handle_get_intrinsic_size_in_pixels) size_of = nullptr;
  decltype(&::rsvg_handle_render_document) render = nullptr;
  decltype(&::g_object_unref) unref = nullptr;
  decltype(&::cairo_image_surface_create) new_surface = nullptr;
  decltype(&::cairo_surface_destroy) destroy_surface = nullptr;
  decltype(&::cairo_surface_write_to_png_stream) write_png = nullptr;
  decltype(&::cairo_create) new_context = nullptr;
  decltype(&::cairo_destroy) destroy_context = nullptr;
  bool is_complete = false;

  Renderer() {
    void* library = ::dlopen("librsvg-2.so.2", RTLD_NOW | RTLD_LOCAL);
    is_complete = library != nullptr && find(library, "rsvg_handle_new_from_data", new_from_data) &&
                  find(library, "rsvg_handle_get_intrinsic_size_in_pixels", size_of) &&
                  find(library, "rsvg_handle_render_document", render) &&
                  find(library, "g_object_unref", unref) &&
                  find(library, "cairo_image_surface_create", new_surface) &&
                  find(library, "cairo_surface_destroy", destroy_surface) &&
                  find(library, "cairo_surface_write_to_png_stream", write_png) &&
                  find(library, "cairo_create", new_context) &&
                  find(library, "cairo_destroy", destroy_context);
  }
};

cairo_status_t append(void* png, const unsigned char* bytes, unsigned length) {
  static_cast<std::string*>(png)->append(reinterpret_cast<const char*>(bytes), length);
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

Result<std::string> to_png(std::string_view svg_document, double scale) {
  static const Renderer with;
  if (!with.is_complete) {
    return Error{ENOTSUP, "PNG needs librsvg, which is not installed (Debian: librsvg2-2)"};
  }
  const auto* bytes = reinterpret_cast<const guint8*>(svg_document.data());
  const std::unique_ptr<RsvgHandle, decltype(with.unref)> drawing(
      with.new_from_data(bytes, svg_document.size(), nullptr), with.unref);
  double width = 0;
  double height = 0;
  if (drawing == nullptr || with.size_of(drawing.get(), &width, &height) == 0) {
    return Error{EINVAL, "the drawing is not an SVG that librsvg can read"};
  }
  const RsvgRectangle page{0, 0, std::ceil(width * scale), std::ceil(height * scale)};
  if (page.width > kMostPixels || page.height > kMostPixels) {
    return Error{EFBIG, "the picture is too large for PNG"};
  }
  const std::unique_ptr<cairo_surface_t, decltype(with.destroy_surface)> surface(
      with.new_surface(CAIRO_FORMAT_RGB24, static_cast<int>(page.width),
                       static_cast<int>(page.height)),
      with.destroy_surface);
  {
    const std::unique_ptr<cairo_t, decltype(with.destroy_context)> context(
        with.new_context(surface.get()), with.destroy_context);
    if (with.render(drawing.get(), context.get(), &page, nullptr) == 0) {
      return Error{EINVAL, "librsvg cannot draw the picture"};
    }
  }
  std::string png;
  if (with.write_png(surface.get(), append, &png) != CAIRO_STATUS_SUCCESS) {
    return Error{ENOMEM, "the picture cannot be written as PNG"};
  }
  return png;
}

}  // namespace spindle::chart
