# SPDX-License-Identifier: Apache-2.0
"""The maps of DiffAugment (Zhao et al. 2020, section 3.3) and of ADA (Karras et al. 2020, "Training generative adversarial networks with
limited data", appendix B) in PyTorch, by the papers' formulas: positions by homogeneous matrices of 3×3 and F.grid_sample, colours by
homogeneous matrices of 4×4, filters by their bank. Images are N×C×H×W. What is drawn is nash's, under nash's numbers."""

import math

import torch
import torch.nn.functional as F


class Draws:
    """MapDraws of method/augmentation_family.hpp."""

    def __init__(self, random, probability):
        self.random, self.probability = random, probability

    def happens(self, n, which, probability=None):
        p = self.probability if probability is None else probability
        return p >= 1 or self.random.child(0).uniform(16 * n + which) < p

    def uniform(self, n, which, low, high):
        return low + (high - low) * self.random.child(1).uniform(16 * n + which)

    def whole(self, n, which, count):
        return int(self.uniform(n, which, 0, count))

    def normal(self, n, which):
        return self.random.child(2).normal(16 * n + which)


def each(images, function):
    """function(n, image) of every image."""
    return torch.stack([function(n, image) for n, image in enumerate(images)])


# --- DiffAugment ---------------------------------------------------------------------------------------------------------


def diff_augment(images, random, brightness=0.5, saturation=1, contrast=0.5, translation=0.125, cutout=0.5):
    height, width = images.shape[2:]

    def augmented(n, x):
        uniform = lambda purpose: random.uniform(16 * n + purpose)
        about_one = lambda range, purpose: 1 + range * (2 * uniform(purpose) - 1)
        x = x + brightness * (2 * uniform(0) - 1)
        mean = x.mean(dim=0, keepdim=True)
        x = mean + about_one(saturation, 1) * (x - mean)
        x = x.mean() + about_one(contrast, 2) * (x - x.mean())

        def shift(purpose, size):
            most = int(translation * size + 0.5)
            return int(uniform(purpose) * (2 * most + 1)) - most

        down, right = shift(3, height), shift(4, width)
        x = F.pad(x, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)))
        x = x[:, max(-down, 0) :, max(-right, 0) :][:, :height, :width]

        def cut(purpose, size):
            side = int(cutout * size + 0.5)
            first = int(uniform(purpose) * (size + 1 - side % 2)) - side // 2
            place = torch.arange(size)
            return (place >= first) & (place < first + side)

        return x * ~(cut(5, height)[:, None] & cut(6, width))

    return each(images, augmented)


# --- ADA: positions ------------------------------------------------------------------------------------------------------
#
# Matrices act on (column, row, 1) off the image's middle, rows downwards; what is done to the image later stands to the left.


def scale2d(of_columns, of_rows):
    return torch.diag(torch.tensor([of_columns, of_rows, 1.0]))


def rotate2d(angle):
    """Clockwise, as the image is seen."""
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def translate2d(columns, rows):
    return torch.tensor([[1.0, 0.0, columns], [0.0, 1.0, rows], [0.0, 0.0, 1.0]])


def warped(image, g):
    """The image whose points g moves, sampled bilinearly, mirrored at its first and last pixels."""
    height, width = image.shape[1:]
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    row, column = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    to = torch.stack([column - middle[0], row - middle[1], torch.ones_like(row)], dim=-1)
    come_from = (to @ torch.linalg.inv(g).T)[..., :2]
    return F.grid_sample(image[None], (come_from / middle)[None], padding_mode="reflection", align_corners=True)[0]


def pixel_blit(images, draws, translation=0.125):
    height, width = images.shape[2:]

    def mapped(n, image):
        g = torch.eye(3)
        if draws.happens(n, 0):
            g = scale2d(1.0 - 2 * draws.whole(n, 0, 2), 1.0) @ g
        if draws.happens(n, 1):
            g = rotate2d(math.pi / 2 * draws.whole(n, 1, 4)) @ g
        if draws.happens(n, 2):
            rows, columns = (draws.uniform(n, 2 + i, -translation, translation) * (height, width)[i] for i in (0, 1))
            g = translate2d(float(round(columns)), float(round(rows))) @ g
        return warped(image, g)

    return each(images, mapped)


def geometric_warp(images, draws, scale=0.2, rotation=1, anisotropy=0.2, translation=0.125):
    height, width = images.shape[2:]
    p_rotation = 1 - math.sqrt(1 - draws.probability)

    def mapped(n, image):
        g = torch.eye(3)
        if draws.happens(n, 0):
            s = math.exp(scale * math.log(2) * draws.normal(n, 0))
            g = scale2d(s, s) @ g
        if draws.happens(n, 1, p_rotation):
            g = rotate2d(draws.uniform(n, 1, -math.pi * rotation, math.pi * rotation)) @ g
        if draws.happens(n, 2):
            s = math.exp(anisotropy * math.log(2) * draws.normal(n, 2))
            g = scale2d(1 / s, s) @ g
        if draws.happens(n, 3, p_rotation):
            g = rotate2d(draws.uniform(n, 3, -math.pi * rotation, math.pi * rotation)) @ g
        if draws.happens(n, 4):
            g = translate2d(translation * draws.normal(n, 5) * width, translation * draws.normal(n, 4) * height) @ g
        return warped(image, g)

    return each(images, mapped)


# --- ADA: colours --------------------------------------------------------------------------------------------------------


def colour_change(images, draws, brightness=0.2, contrast=0.5, hue=1, saturation=1):
    """On (r, g, b, 1). A grey image is one of three channels that are the same."""
    axis = torch.tensor([1.0, 1.0, 1.0, 0.0]) / math.sqrt(3)
    along, all_four = torch.outer(axis, axis), torch.eye(4)
    cross = torch.tensor([[0.0, -1, 1, 0], [1, 0, -1, 0], [-1, 1, 0, 0], [0, 0, 0, 0]]) / math.sqrt(3)  # axis × ·

    def mapped(n, image):
        c = torch.eye(4)
        if draws.happens(n, 0):
            c = all_four.clone().index_put((torch.arange(3), torch.tensor(3)), torch.tensor(brightness * draws.normal(n, 0))) @ c
        if draws.happens(n, 1):
            factor = math.exp(contrast * math.log(2) * draws.normal(n, 1))
            c = torch.diag(torch.tensor([factor, factor, factor, 1])) @ c
        if draws.happens(n, 2):
            c = (all_four - 2 * draws.whole(n, 2, 2) * along) @ c
        if draws.happens(n, 3):
            c = torch.matrix_exp(draws.uniform(n, 3, -math.pi * hue, math.pi * hue) * cross) @ c
        if draws.happens(n, 4):
            factor = math.exp(saturation * math.log(2) * draws.normal(n, 4))
            rest = torch.diag(torch.tensor([1.0, 1, 1, 0])) - along
            c = (along + factor * rest + torch.diag(torch.tensor([0.0, 0, 0, 1]))) @ c
        colours = torch.einsum("ij,jhw->ihw", c[:3, :3], image.expand(3, -1, -1)) + c[:3, 3, None, None]
        return colours if len(image) == 3 else colours.mean(dim=0, keepdim=True)

    return each(images, mapped)


# --- ADA: frequencies ----------------------------------------------------------------------------------------------------


def product(a, b):
    """Of two symmetric filters, by the product of their z transforms."""
    return F.conv1d(a[None, None], b.flip(0)[None, None], padding=len(b) - 1)[0, 0]


def centred(a, length):
    return F.pad(a, 2 * [(length - len(a)) // 2])


def band_filters():
    """Four bands of frequencies from the lowest up, whose filters add up to 1: what low passes at an octave's distance let through."""
    root = math.sqrt(3)
    wavelet = torch.tensor([1 + root, 3 + root, 3 - root, 1 - root]) / (4 * math.sqrt(2))  # Daubechies 1988, two vanishing moments
    half_band = product(wavelet, wavelet.flip(0)) / 2
    low = [torch.ones(1)]
    for octave in range(3):
        stretched = torch.zeros((len(half_band) - 1) * 2**octave + 1)
        stretched[:: 2**octave] = half_band
        low.append(product(low[-1], stretched))
    low = [centred(filter, len(low[-1])) for filter in low]
    return torch.stack([low[3], low[2] - low[3], low[1] - low[2], low[0] - low[1]])


def mirrored(i, size):
    while size > 1 and not 0 <= i < size:
        i = -i if i < 0 else 2 * (size - 1) - i
    return i if size > 1 else 0


def filter_matrix(taps, size):
    """The filter on a line of so many pixels, mirrored at the first and the last."""
    matrix, reach = torch.zeros(size, size), len(taps) // 2
    for i in range(size):
        for k in range(-reach, reach + 1):
            matrix[i, mirrored(i + k, size)] += taps[reach + k]
    return matrix


def band_filter(images, draws, strength=1):
    bands, power = band_filters(), torch.tensor([10.0, 1, 1, 1]) / 13

    def mapped(n, image):
        gains = torch.ones(4)
        for band in range(4):
            if draws.happens(n, band):
                own = torch.ones(4)
                own[band] = math.exp(strength * math.log(2) * draws.normal(n, band))
                gains = gains * own / (power * own.square()).sum().sqrt()
        down, across = (filter_matrix(gains @ bands, size) for size in image.shape[1:])
        return down @ image @ across.T

    return each(images, mapped)


# --- ADA: corruptions ----------------------------------------------------------------------------------------------------


def corruption(images, draws, noise=0.1, cutout=0.5):
    height, width = images.shape[2:]
    count = images[0].numel()

    def mapped(n, image):
        if draws.happens(n, 0):
            normals = torch.tensor([draws.random.child(3).normal(n * count + i) for i in range(count)])
            image = image + abs(noise * draws.normal(n, 0)) * normals.view(height, width, -1).permute(2, 0, 1)
        if draws.happens(n, 1):
            inside = [
                ((torch.arange(size) + 0.5) / size - draws.uniform(n, 1 + i, 0, 1)).abs() < cutout / 2 for i, size in enumerate((height, width))
            ]
            image = image * ~(inside[0][:, None] & inside[1])
        return image

    return each(images, mapped)
