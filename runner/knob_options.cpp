#include "runner/knob_options.h"

#include <algorithm>
#include <array>

namespace medsweep::runner {
namespace {

using enum sweeps::KnobType;
using sweeps::Knob;

constexpr Knob kRecompute{"recompute", kBoolean, "false",
                          "compute features again in the backward pass: less memory, more time"};
constexpr Knob kUNetWidth{"width", kInteger, "64", "channels of the first level, doubled at each",
                          1};
constexpr Knob kUNetDepth{"depth", kInteger, "5", "levels", 1, 8};
constexpr Knob kUNetNormalization{"normalization", kName, "\"batch\"", "after each convolution"};
constexpr std::array kUNet{kUNetWidth, kUNetDepth, kUNetNormalization, kRecompute};
constexpr std::array kAttentionUNet{kUNetWidth, kUNetDepth, kUNetNormalization};

constexpr std::array kSaUNet{
    Knob{"width", kInteger, "16", "channels of the first level, doubled at each", 1},
    Knob{"depth", kInteger, "4", "levels", 1, 8},
    Knob{"normalization", kName, "\"batch\"", "after each convolution"},
    Knob{"keep", kNumber, "0.82", "share of features that DropBlock leaves; 1: all", 0.01, 1},
    Knob{"drop_block", kInteger, "7", "side of its blocks in pixels", 1, 64},
};

constexpr Knob kAuxiliary{"auxiliary", kNumber, "0.5",
                          "weight of the losses of a head on C4; 0: without it", 0};
constexpr std::array kUNetResNet{
    Knob{"width", kInteger, "16", "channels at the full size, doubled at each level", 1},
    kUNetNormalization};
constexpr std::array kFcn{
    kUNetNormalization, kAuxiliary,
    Knob{"dropout", kNumber, "", "share of features lost before the logits (0.1)", 0, 0.99}};
constexpr std::array kDeepLab{
    kUNetNormalization, kAuxiliary,
    Knob{"dropout", kNumber, "",
         "share of features lost (0.5 in the pyramid, 0.1 in the head on C4)", 0, 0.99}};
constexpr std::array kFcn8s{
    Knob{"width", kInteger, "4096", "channels of the two convolutions on the deepest map", 1},
    kUNetNormalization,
    Knob{"dropout", kNumber, "", "share of features lost behind each of them (0.5)", 0, 0.99}};
constexpr std::array kDeepLabPlus{
    kUNetNormalization,
    Knob{"dropout", kNumber, "", "share of features lost behind the pyramid (0.5)", 0, 0.99}};
constexpr std::array kTorchScript{
    Knob{"file", kFile, "", "what torch.jit.script(network).save wrote, .pt"},
    Knob{"size_multiple", kInteger, "16", "of images' height and width", 1},
};

constexpr Knob kOrder{
    "order", kString, "\"cpi\"",
    "c convolution, r ReLU, l leaky ReLU, e ELU, p PReLU, s swish, m Mish, g group, "
    "i instance, b batch normalisation"};

constexpr std::array kUNet3d{
    Knob{"widths", kIntegers, "[16, 32, 64, 128]", "channels of the levels", 1},
    kOrder,
    Knob{.key = "upsampling",
         .type = kString,
         .default_value = "\"nearest\"",
         .sentence = "nearest | transposed: how the decoder enlarges",
         .choices = "nearest transposed"},
    kRecompute,
};

constexpr std::array kVNet{
    Knob{"width", kInteger, "16", "channels below the first level, even; doubled at each", 2},
    kOrder,
    kRecompute,
};

constexpr std::array kVNetOriginal{
    Knob{"width", kInteger, "16", "channels of the first level, doubled at each", 1},
    Knob{"down_convolutions", kIntegers, "[2, 3, 3, 3]", "of the stages behind a halving", 1},
    Knob{"up_convolutions", kIntegers, "[3, 3, 2, 1]", "of the stages behind a doubling", 1},
    kRecompute,
};

constexpr std::array kDeepMedic{Knob{"dropout", kNumber, "0.5",
                                     "share of features lost behind each fully connected layer", 0,
                                     0.99}};

constexpr std::array kHDenseUNet{
    Knob{.key = "stage",
         .type = kString,
         .default_value = "\"all\"",
         .sentence = "all | 2d | 3d: what is trained, the other part staying as it is",
         .choices = "all 2d 3d"},
    Knob{"dropout", kNumber, "0.3", "share of fused features lost", 0, 0.99}};

constexpr std::array kVoxResNet{
    Knob{"width", kInteger, "32", "channels at the full size; twice as many below", 1},
    Knob{"auxiliary_weights", kNumbers, "[0.3333, 0.3333, 0.3333, 0.3333]",
         "of the losses of each depth's own logits, the full size first", 0},
};

constexpr std::array<Knob, 4> transposed_unet3d(std::string_view widths) {
  return {Knob{"widths", kIntegers, widths, "channels of the levels", 1},
          Knob{"order", kString, "\"cbr\"", kOrder.sentence},
          Knob{.key = "upsampling",
               .type = kString,
               .default_value = "\"transposed\"",
               .sentence = "nearest | transposed: how the decoder enlarges",
               .choices = "nearest transposed"},
          kRecompute};
}
constexpr auto kUNet3dOriginal = transposed_unet3d("[64, 128, 256, 512]");
constexpr auto kAttentionUNet3d = transposed_unet3d("[16, 32, 64, 128, 256]");

// Absent unless given: the defaults are torchvision's, or those of `profile`.
constexpr std::array kMaskRcnn{
    Knob{.key = "normalization",
         .type = kString,
         .default_value = "\"batch\"",
         .sentence = "batch | frozen_batch: of the backbone",
         .choices = "batch frozen_batch"},
    Knob{"pyramid_channels", kInteger, "", "of every level of the pyramid (256)", 1},
    Knob{"anchor_sizes", kNumbers, "", "pixels, one a level ([32, 64, 128, 256, 512])", 1},
    Knob{"anchor_ratios", kNumbers, "", "height / width ([0.5, 1, 2])", 0},
    Knob{.key = "anchor_corners",
         .type = kString,
         .default_value = "",
         .sentence = "rounded (to whole pixels) | exact",
         .choices = "rounded exact"},
    Knob{.key = "image_resize",
         .type = kString,
         .default_value = "",
         .sentence = "short_side (to min_size) | enlarge_only | none, within the network",
         .choices = "short_side enlarge_only none"},
    Knob{"min_size", kIntegers, "", "short side; of several, training draws one ([800])", 1},
    Knob{"max_size", kInteger, "", "limit of the long side (1333)", 1},
    Knob{"image_mean", kNumbers, "", "a channel, taken from values in [0, 1] (ImageNet's)"},
    Knob{"image_deviation", kNumbers, "", "a channel, that they are divided by (ImageNet's)", 0},
    Knob{"rpn_channels", kInteger, "", "of the proposals' convolution (the pyramid's)", 1},
    Knob{.key = "rpn_score",
         .type = kString,
         .default_value = "",
         .sentence = "sigmoid | softmax: one or two logits an anchor",
         .choices = "sigmoid softmax"},
    Knob{"rpn_foreground_iou", kNumber, "", "an anchor is positive from here on (0.7)", 0, 1},
    Knob{"rpn_background_iou", kNumber, "", "and negative below (0.3)", 0, 1},
    Knob{"rpn_per_image", kInteger, "", "anchors sampled (256)", 1},
    Knob{"rpn_positive_share", kNumber, "", "of them, at most (0.5)", 0, 1},
    Knob{.key = "proposal_limit",
         .type = kString,
         .default_value = "",
         .sentence = "per_level | per_image: over what the best proposals are taken",
         .choices = "per_level per_image"},
    Knob{"proposals_before_nms", kIntegers, "", "[training, prediction] ([2000, 1000])", 1},
    Knob{"proposals_after_nms", kIntegers, "", "[training, prediction] ([2000, 1000])", 1},
    Knob{"proposal_nms", kNumber, "", "IoU above which proposals are one (0.7)", 0, 1},
    Knob{"roi_foreground_iou", kNumber, "", "a region is positive from here on (0.5)", 0, 1},
    Knob{"roi_background_iou", kNumber, "", "and negative below (0.5)", 0, 1},
    Knob{"roi_per_image", kInteger, "", "regions sampled (512)", 1},
    Knob{"roi_positive_share", kNumber, "", "of them, at most (0.25)", 0, 1},
    Knob{.key = "roi_negatives",
         .type = kString,
         .default_value = "",
         .sentence = "fill_up | tied (to the number of positives)",
         .choices = "fill_up tied"},
    Knob{.key = "ground_truth",
         .type = kString,
         .default_value = "",
         .sentence = "appended | left_out: true boxes among the regions of training",
         .choices = "appended left_out"},
    Knob{.key = "level_rule",
         .type = kString,
         .default_value = "",
         .sentence = "floor | round: of a region's level",
         .choices = "floor round"},
    Knob{.key = "pooling",
         .type = kString,
         .default_value = "",
         .sentence = "roi_align | crop_and_resize",
         .choices = "roi_align crop_and_resize"},
    Knob{"sampling_ratio", kInteger, "", "samples a bin and axis; 0: by the region's size (2)", 0},
    Knob{"representation", kInteger, "", "width of the box head's linear layers (1024)", 1},
    Knob{.key = "mask_target",
         .type = kString,
         .default_value = "",
         .sentence = "soft | rounded",
         .choices = "soft rounded"},
    Knob{"mini_masks", kIntegers, "", "[height, width] of masks to train on ([]: whole)", 1},
    Knob{"box_loss_beta", kNumber, "", "smooth L1: where the parabola ends (1/9)", 0},
    Knob{.key = "box_loss_mean",
         .type = kString,
         .default_value = "",
         .sentence = "sampled | positives: what box losses are divided by",
         .choices = "sampled positives"},
    Knob{"min_score", kNumber, "", "of a detection (0.05)", 0, 1},
    Knob{"nms", kNumber, "", "IoU above which detections of a class are one (0.5)", 0, 1},
    Knob{"detections", kInteger, "", "an image at most (100)", 1},
    Knob{.key = "class_choice",
         .type = kString,
         .default_value = "",
         .sentence = "every | most_probable: classes of a region that are candidates",
         .choices = "every most_probable"},
    Knob{"mask_threshold", kNumber, "", "from which on a pixel is in the mask (0.5)", 0, 1},
    Knob{"mean_square_decay", kNumber, "", "times the mean square of every tensor, as a loss (0)",
         0},
};

constexpr Knob kPlace{
    "place", kStrings, "",
    "where: encoder, decoder, bottleneck, skip, a level (encoder0), all (these; "
    "default); networks that find objects: mask_head (default), box_head, c3, c4, "
    "c5, fpn"};
constexpr Knob kReduction{"reduction", kInteger, "16", "channels / reduction within", 1};
constexpr Knob kKernelSize{"kernel_size", kInteger, "7", "of the spatial gate, odd", 1, 31};
constexpr std::array kPlaced{kPlace};
constexpr std::array kRelative{
    kPlace, Knob{"heads", kInteger, "1", "the channels are split among them", 1, 64},
    Knob{"clip_distance", kInteger, "16", "pixels beyond which offsets are one", 1, 512}};
constexpr std::array kSqueeze{kPlace, kReduction};
constexpr std::array kScse{kPlace, kReduction,
                           Knob{.key = "join",
                                .type = kString,
                                .default_value = "\"max\"",
                                .sentence = "max | add: of the two gates",
                                .choices = "max add"}};
constexpr std::array kSpatial{kPlace, kKernelSize};
constexpr std::array kCbam{kPlace, kReduction, kKernelSize};
constexpr Knob kHalved{"reduction", kInteger, "2", "channels / reduction within", 1};
constexpr std::array kProjectExcite{
    kPlace, kHalved,
    Knob{.key = "projection",
         .type = kString,
         .default_value = "\"sum\"",
         .sentence = "sum (then ReLU) | mean_prelu: of the means over planes",
         .choices = "sum mean_prelu"}};
constexpr Knob kSliceReduction{"slice_reduction", kInteger, "16", "slices / this within", 1};
constexpr Knob kChannelReduction{"channel_reduction", kInteger, "8", "channels / this within", 1};
constexpr Knob kSlicePooling{.key = "slice_pooling",
                             .type = kString,
                             .default_value = "\"avg\"",
                             .sentence = "avg | max | avg_and_max: what of a slice counts",
                             .choices = "avg max avg_and_max"};
constexpr Knob kChannelPooling{.key = "channel_pooling",
                               .type = kString,
                               .default_value = "\"avg\"",
                               .sentence = "avg | max | avg_and_max: what of a channel counts",
                               .choices = "avg max avg_and_max"};
constexpr std::array kSlices{kPlace, kSliceReduction, kChannelReduction, kSlicePooling,
                             kChannelPooling};
constexpr std::array kPam{
    kPlace,
    kSliceReduction,
    kChannelReduction,
    kSlicePooling,
    kChannelPooling,
    Knob{"detach_squeeze", kBoolean, "false", "no gradient through what the key slices hold"}};
constexpr std::array kAttentionGate{
    Knob{"place", kStrings, "", "skip (default), skip0 ..."}, kHalved,
    Knob{.key = "normalization",
         .type = kString,
         .default_value = "\"batch\"",
         .sentence = "batch | instance | group | none: of what it hands on",
         .choices = "batch instance group none"}};

constexpr std::array kSplit{
    Knob{"place", kStrings, "", "encoder, decoder, bottleneck, a level (encoder0), all (default)"},
    Knob{"radix", kInteger, "2", "convolutions that are chosen among", 1, 8}};
constexpr std::array kStn{
    Knob{"place", kStrings, "", "input (default)"},
    Knob{"align_corners", kBoolean, "false", "the grid ends at the centres of the last pixels"}};
constexpr std::array kCam{Knob{"weight", kNumber, "0.1", "of its loss", 0}};

constexpr std::array kDice{
    Knob{.key = "over",
         .type = kString,
         .default_value = "\"sample\"",
         .sentence = "a Dice for each sample, or over the pixels of a rank's batch",
         .choices = "sample batch"},
    Knob{"squared", kBoolean, "false", "squares in the denominator"},
    Knob{"background", kBoolean, "false", "a class like the others (softmax)"},
};
constexpr Knob kClassWeights{"class_weights", kNumbers, "",
                             "of background and classes; absent: 1 each", 0};
constexpr std::array kCrossEntropy{kClassWeights};
constexpr std::array kCbl{
    kClassWeights,
    Knob{"adaptive", kBoolean, "true", "from the first evaluation on by the validation's Dice"},
    Knob{.key = "over",
         .type = kString,
         .default_value = "\"batch\"",
         .sentence = "a Dice over the pixels of a rank's batch, or for each sample",
         .choices = "sample batch"}};

constexpr std::array kTversky{Knob{"alpha", kNumber, "0.5", "of invented pixels", 0},
                              Knob{"beta", kNumber, "0.5", "of missed pixels", 0}};
constexpr std::array kFocalTversky{
    Knob{"alpha", kNumber, "0.3", "of invented pixels", 0},
    Knob{"beta", kNumber, "0.7", "of missed pixels", 0},
    Knob{"gamma", kNumber, "1.3333333333333333", "the root that is taken", 1}};
constexpr std::array kFocal{Knob{"gamma", kNumber, "2.0", "exponent of what is wrong", 0}};
constexpr std::array kContrastive{
    Knob{"temperature", kNumber, "0.1", "similarities are divided by it", 0},
    Knob{"anchors", kInteger, "64", "pixels drawn of each class of a sample, at most", 2},
    Knob{"hard", kNumber, "0.5", "share of them that are predicted wrong", 0, 1},
    Knob{"dimension", kInteger, "128", "of the projection of a pixel's features", 1}};

constexpr Knob kProbability{"probability", kNumber, "0.5", "of each change, drawn by itself", 0, 1};
constexpr Knob kDegrees{"degrees", kNumber, "45.0", "rotation in [-degrees, degrees]", 0, 180};
constexpr Knob kTilt{"tilt", kNumber, "10.0", "of volumes, about the axes in the slice", 0, 180};
constexpr Knob kAxes{.key = "axes",
                     .type = kString,
                     .default_value = "\"both\"",
                     .sentence = "both | horizontal | vertical | depth | all (of volumes)",
                     .choices = "both horizontal vertical depth all"};
constexpr Knob kBorder{.key = "border",
                       .type = kString,
                       .default_value = "\"zero\"",
                       .sentence = "zero (counts in no loss) | mirror: what lies beyond the image",
                       .choices = "zero mirror"};
constexpr Knob kBrightness{"brightness", kNumber, "0.3", "added, in deviations of the image", 0};
constexpr Knob kContrast{
    "contrast", kNumber, "0.3", "factor about the mean in [1 - contrast, 1 + contrast]", 0, 1};
constexpr std::array kChance{kProbability};
constexpr std::array kFlip{kProbability, kAxes};
constexpr std::array kRotate{kProbability, kDegrees, kTilt, kBorder};
constexpr std::array kFlipRotate{kProbability, kAxes, kDegrees, kTilt, kBorder};
constexpr std::array kScale{
    kProbability,
    Knob{"scaling", kNumber, "0.2", "sides grow by a factor in [1 - scaling, 1 + scaling]", 0, 0.9},
    kBorder};
constexpr std::array kShear{
    kProbability, Knob{"shear", kNumber, "15.0", "degrees in [-shear, shear]", 0, 60}, kBorder};
constexpr std::array kElastic{
    kProbability, Knob{"magnitude", kNumber, "8.0", "deviation of the control points in pixels", 0},
    Knob{"spacing", kInteger, "64", "pixels between control points", 2}, kBorder};
constexpr std::array kCrop{
    kProbability, Knob{"smallest", kNumber, "0.5", "of a side, in [smallest, 1]", 0.05, 1},
    Knob{"foreground", kNumber, "0.33", "how often around a foreground pixel", 0, 1}};
constexpr std::array kMirrorPad{
    kProbability,
    Knob{"margin", kNumber, "0.1", "share of a side that is mirrored, at most", 0, 1}};
constexpr std::array kBrightnessAlone{kProbability, kBrightness};
constexpr std::array kContrastAlone{kProbability, kContrast};
constexpr std::array kBrightnessContrast{kProbability, kBrightness, kContrast};
constexpr std::array kGamma{
    kProbability, Knob{"gamma", kNumber, "0.5", "exponent in [1 / (1 + gamma), 1 + gamma]", 0}};
constexpr std::array kSaturation{
    kProbability, Knob{"saturation", kNumber, "0.5", "factor of colours about 1", 0}};
constexpr std::array kSharpness{kProbability,
                                Knob{"sharpness", kNumber, "1.0", "factor of detail about 1", 0}};
constexpr std::array kBlur{
    kProbability, Knob{"blur", kNumber, "2.0", "deviation in pixels, in [0, blur]", 0, 100}};
constexpr std::array kNoise{kProbability,
                            Knob{"sigma", kNumber, "0.1", "in deviations of the image", 0}};
constexpr std::array kClahe{kProbability,
                            Knob{"clip", kNumber, "2.0", "largest bin over the mean bin", 1},
                            Knob{"tiles", kInteger, "8", "along each side", 1, 64}};
constexpr std::array kCoarseDropout{kProbability, Knob{"holes", kInteger, "8", "how many", 0, 1000},
                                    Knob{"hole", kNumber, "0.1", "share of each side", 0, 1}};
constexpr std::array kRetina{kProbability, kDegrees, kAxes, kTilt, kBorder};

constexpr std::array kSgd{
    Knob{"learning_rate", kNumber, "0.01", "step size", 0},
    Knob{"momentum", kNumber, "0.0", "of the velocity", 0, 1},
    Knob{"nesterov", kBoolean, "false", "look ahead"},
    Knob{"weight_decay", kNumber, "0.0", "L2, added to the gradient", 0},
};
constexpr std::array kAdam{
    Knob{"learning_rate", kNumber, "0.001", "step size", 0},
    Knob{"beta1", kNumber, "0.9", "of the mean", 0, 1},
    Knob{"beta2", kNumber, "0.999", "of the mean square", 0, 1},
    Knob{"epsilon", kNumber, "1e-8", "added to the root", 0},
    Knob{"weight_decay", kNumber, "0.0", "adam: L2 in the gradient; adamw: decoupled", 0},
};

/// A schedule's own options followed by those of every schedule: its warm-up.
template <std::size_t N>
constexpr std::array<Knob, N + 3> with_warm_up(const std::array<Knob, N>& own) {
  std::array<Knob, N + 3> all{};
  std::ranges::copy(own, all.begin());
  all[N] = {"warm_up_steps", kInteger, "0", "steps of linear warm-up", 0};
  all[N + 1] = {"warm_up_epochs", kNumber, "0.0", "the same in epochs", 0};
  all[N + 2] = {"warm_up_factor", kNumber, "0.001", "of the first step's learning rate", 0, 1};
  return all;
}

constexpr Knob kFactor{"factor", kNumber, "0.1", "multiplies the learning rate", 0, 1};
constexpr Knob kInterval{.key = "interval",
                         .type = kString,
                         .default_value = "\"step\"",
                         .sentence = "step | epoch: how often the rate changes",
                         .choices = "step epoch"};
constexpr auto kConstant = with_warm_up(std::array<Knob, 0>{});
constexpr auto kStep = with_warm_up(
    std::array{Knob{"every_epochs", kInteger, "30", "epochs between reductions", 1}, kFactor});
constexpr auto kMultiStep = with_warm_up(
    std::array{Knob{"milestones", kIntegers, "[]", "epochs of the reductions", 0}, kFactor});
constexpr auto kPlateau = with_warm_up(std::array{
    Knob{"metric", kString, "\"loss\"", "what is to improve: loss, or a metric of validation"},
    kFactor, Knob{"patience", kInteger, "10", "epochs without improvement that are borne", 0},
    Knob{"threshold", kNumber, "0.0001", "relative; less is no improvement", 0},
    Knob{"cooldown", kInteger, "0", "epochs not counted after a reduction", 0},
    Knob{"minimum_learning_rate", kNumber, "0.0", "never below", 0}});
constexpr auto kPolynomial =
    with_warm_up(std::array{Knob{"power", kNumber, "0.9", "of (1 - progress)", 0}, kInterval});
constexpr auto kCosine = with_warm_up(
    std::array{Knob{"minimum_learning_rate", kNumber, "0.0", "at the end", 0}, kInterval});

struct RowOptions {
  std::string_view kind, row;
  std::span<const Knob> options;
};

// Rows that are not here take no options.
constexpr std::array kTable{
    RowOptions{"model", "unet", kUNet},
    RowOptions{"model", "sa_unet", kSaUNet},
    RowOptions{"model", "attention_unet", kAttentionUNet},
    RowOptions{"model", "unet_resnet", kUNetResNet},
    RowOptions{"model", "fcn8s", kFcn8s},
    RowOptions{"model", "fcn_resnet50", kFcn},
    RowOptions{"model", "fcn_resnet101", kFcn},
    RowOptions{"model", "deeplabv3", kDeepLab},
    RowOptions{"model", "deeplabv3_plus", kDeepLabPlus},
    RowOptions{"model", "torchscript", kTorchScript},
    RowOptions{"model", "unet3d", kUNet3d},
    RowOptions{"model", "unet3d_original", kUNet3dOriginal},
    RowOptions{"model", "attention_unet3d", kAttentionUNet3d},
    RowOptions{"model", "vnet", kVNet},
    RowOptions{"model", "deepmedic", kDeepMedic},
    RowOptions{"model", "h_denseunet", kHDenseUNet},
    RowOptions{"model", "voxresnet", kVoxResNet},
    RowOptions{"model", "vnet_original", kVNetOriginal},
    RowOptions{"model", "mask_rcnn", kMaskRcnn},
    RowOptions{"model", "mask_rcnn_v2", kMaskRcnn},
    RowOptions{"model", "faster_rcnn", kMaskRcnn},
    RowOptions{"attention", "self_attention", kPlaced},
    RowOptions{"attention", "relative_self_attention", kRelative},
    RowOptions{"attention", "se", kSqueeze},
    RowOptions{"attention", "scse", kScse},
    RowOptions{"attention", "spatial", kSpatial},
    RowOptions{"attention", "cbam", kCbam},
    RowOptions{"attention", "eca", kPlaced},
    RowOptions{"attention", "project_excite", kProjectExcite},
    RowOptions{"attention", "dual", kPlaced},
    RowOptions{"attention", "cs", kSlices},
    RowOptions{"attention", "sc", kSlices},
    RowOptions{"attention", "pam", kPam},
    RowOptions{"attention", "attention_gate", kAttentionGate},
    RowOptions{"attention", "split", kSplit},
    RowOptions{"attention", "stn", kStn},
    RowOptions{"attention", "cam", kCam},
    RowOptions{"loss", "cross_entropy", kCrossEntropy},
    RowOptions{"loss", "cbl", kCbl},
    RowOptions{"loss", "dice", kDice},
    RowOptions{"loss", "dice_ce", kDice},
    RowOptions{"loss", "tversky", kTversky},
    RowOptions{"loss", "focal_tversky", kFocalTversky},
    RowOptions{"loss", "focal", kFocal},
    RowOptions{"loss", "contrastive", kContrastive},
    RowOptions{"augmentation", "gray", kChance},
    RowOptions{"augmentation", "flip", kFlip},
    RowOptions{"augmentation", "rotate", kRotate},
    RowOptions{"augmentation", "flip_rotate", kFlipRotate},
    RowOptions{"augmentation", "scale", kScale},
    RowOptions{"augmentation", "shear", kShear},
    RowOptions{"augmentation", "elastic", kElastic},
    RowOptions{"augmentation", "crop", kCrop},
    RowOptions{"augmentation", "mirror_pad", kMirrorPad},
    RowOptions{"augmentation", "brightness", kBrightnessAlone},
    RowOptions{"augmentation", "contrast", kContrastAlone},
    RowOptions{"augmentation", "brightness_contrast", kBrightnessContrast},
    RowOptions{"augmentation", "gamma", kGamma},
    RowOptions{"augmentation", "saturation", kSaturation},
    RowOptions{"augmentation", "sharpness", kSharpness},
    RowOptions{"augmentation", "blur", kBlur},
    RowOptions{"augmentation", "noise", kNoise},
    RowOptions{"augmentation", "clahe", kClahe},
    RowOptions{"augmentation", "equalize", kChance},
    RowOptions{"augmentation", "coarse_dropout", kCoarseDropout},
    RowOptions{"augmentation", "retina", kRetina},
    RowOptions{"optimizer", "sgd", kSgd},
    RowOptions{"optimizer", "adam", kAdam},
    RowOptions{"optimizer", "adamw", kAdam},
    RowOptions{"schedule", "constant", kConstant},
    RowOptions{"schedule", "step", kStep},
    RowOptions{"schedule", "multi_step", kMultiStep},
    RowOptions{"schedule", "plateau", kPlateau},
    RowOptions{"schedule", "polynomial", kPolynomial},
    RowOptions{"schedule", "cosine", kCosine},
};

}  // namespace

std::span<const Knob> options_of(std::string_view kind, std::string_view row) {
  for (const RowOptions& entry : kTable)
    if (entry.kind == kind && entry.row == row) return entry.options;
  return {};
}

}  // namespace medsweep::runner
