// Image codecs as a library of their own, opened by image_files.cpp where an image is to be read or
// written: OpenCV's bring GDAL, poppler and eighty other libraries along (35 MB, 0.1 s), which a
// training does not need.
#include <cstdint>
#include <opencv2/imgcodecs.hpp>
#include <vector>

extern "C" void medsweep_decode_image(const char* bytes, std::size_t size, cv::Mat& image) {
  const cv::Mat encoded(1, static_cast<int>(size), CV_8U, const_cast<char*>(bytes));
  image = cv::imdecode(encoded, cv::IMREAD_UNCHANGED);
}

extern "C" bool medsweep_encode_png(const cv::Mat& image, std::vector<std::uint8_t>& bytes) {
  return cv::imencode(".png", image, bytes);
}
