// Image codecs as a library of their own, opened by image_files.cpp where an image is to be read:
// OpenCV's bring GDAL, poppler and eighty other libraries along (35 MB, 0.1 s), which only
// `prepare` needs.
#include <opencv2/imgcodecs.hpp>
#include <string>

extern "C" void medsweep_read_image(const std::string& path, cv::Mat& image) {
  image = cv::imread(path, cv::IMREAD_UNCHANGED | cv::IMREAD_IGNORE_ORIENTATION);
}
