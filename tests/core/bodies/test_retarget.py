"""Motion of a body, written under other names, in other units, axes and rest poses, comes back as it was."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from likeness.core.bodies.anatomy import anatomy, plain
from likeness.core.bodies.retarget import fit_stride, leg_length, retarget
from likeness.core.errors import InputError
from likeness.core.parametric.body_motion import BodyMotion
from likeness.core.parametric.bvh import read_bvh
from likeness.core.parametric.lbs import rotation_matrix
from likeness.core.parametric.smpl_joints import INDEX, JOINTS

SMPL = {name: name for name in JOINTS}
_MIDDLE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_LIMBS = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


def names_of(middle: str, limbs: str, side: str) -> dict[str, str]:
    """Names of bones in the order of `_MIDDLE` and `_LIMBS`; `side` is put behind those of limbs."""
    names = dict(zip(_MIDDLE, middle.split(), strict=True))
    for name, letter in (("left", "l"), ("right", "r")):
        ours = (f"{name}_{limb}" for limb in _LIMBS)
        names |= dict(zip(ours, (f"{limb}{side.format(letter)}" for limb in limbs.split()), strict=True))
    return names


BLENDER = names_of(
    "hips spine chest upper_chest neck head", "thigh shin foot toe shoulder upper_arm forearm hand", ".{}"
)
UNREAL = names_of(
    "pelvis spine_01 spine_02 spine_03 neck_01 head", "thigh calf foot ball clavicle upperarm lowerarm hand", "_{}"
)
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
FACING_X = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])


def assert_same(motion: BodyMotion, expected: BodyMotion, joints: np.ndarray, but: tuple[str, ...] = ()) -> None:
    """Places of joints to a millimetre, of which a motion may start anywhere."""
    kept = [i for i, name in enumerate(JOINTS) if name not in but]
    np.testing.assert_allclose(motion.posed(joints)[1][:, kept], expected.posed(joints)[1][:, kept], atol=1e-3)


@pytest.mark.parametrize("names", [None, SMPL, BLENDER, UNREAL], ids=["mixamo", "smpl", "blender", "unreal"])
def test_names(names: dict | None, walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    path = write_bvh(walk, names) if names else write_bvh(walk)
    assert_same(retarget(read_bvh(path), joints), walk, joints)


@pytest.mark.parametrize("order", ["xyz", "zyx", "yxz", "zxy"])
def test_orders(order: str, walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    assert_same(retarget(read_bvh(write_bvh(walk, order=order)), joints), walk, joints)


@pytest.mark.parametrize(
    ("unit", "name"),
    [(1.0, "metres"), (0.01, "centimetres"), (0.0254, "inches"), (0.1, "decimetres"), (0.001, "millimetres")],
)
def test_units(unit: float, name: str, walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    source = read_bvh(write_bvh(walk, unit=unit))
    assert source.unit == name
    assert_same(retarget(source, joints), walk, joints)


def test_axes(walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    """Files that are Z-up, or whose figure faces another way at rest."""
    for turn in (Z_UP, FACING_X):
        assert_same(retarget(read_bvh(write_bvh(walk, turn=turn)), joints), walk, joints)


def test_a_rest_pose_of_its_own(walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    """Arms that hang at rest and legs that are spread, as in an A-pose: limbs and their twist are as they were."""
    rest = np.zeros((24, 3))
    for side, sign in (("left", 1), ("right", -1)):
        rest[INDEX[f"{side}_shoulder"], 2] = -0.8 * sign
        rest[INDEX[f"{side}_hip"], 2] = 0.3 * sign
    motion = retarget(read_bvh(write_bvh(walk, rest=rest)), joints)
    assert_same(motion, walk, joints)
    np.testing.assert_allclose(
        rotation_matrix(motion.theta), rotation_matrix(walk.theta), atol=0.04, err_msg="twist of the limbs"
    )


def test_twist_is_kept(standing: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    standing.theta[:, INDEX["left_elbow"], 0] = 0.9
    motion = retarget(read_bvh(write_bvh(standing)), joints)
    np.testing.assert_allclose(motion.theta[:, INDEX["left_elbow"]], standing.theta[:, INDEX["left_elbow"]], atol=1e-3)


def test_the_root_goes_as_far_as_the_legs_are_long(
    walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]
) -> None:
    child = 0.6 * joints
    assert leg_length(child) == pytest.approx(0.6 * leg_length(joints))
    motion = retarget(read_bvh(write_bvh(walk)), child)
    np.testing.assert_allclose(np.ptp(motion.translation, 0), 0.6 * np.ptp(walk.translation, 0), atol=1e-3)
    np.testing.assert_allclose(rotation_matrix(motion.theta), rotation_matrix(walk.theta), atol=1e-3)


def test_a_spine_of_other_bones(walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    """Vertebrae that do not turn one by one: chest, head and arms still turn as they did."""
    source = read_bvh(write_bvh(walk))
    spine = anatomy(source).spine
    assert [source.names[n] for n in spine] == [f"mixamorig:{n}" for n in ("Hips", "Spine", "Spine1", "Spine2")]
    rigid = source.rotations.copy()
    rigid[:, spine[1]], rigid[:, spine[2]] = source.rotations[:, spine[0]], source.rotations[:, spine[3]]
    motion = retarget(replace(source, rotations=rigid), joints)
    world, expected = motion.posed(joints)[0], walk.posed(joints)[0]
    for name in ("spine3", "head", "left_shoulder", "right_wrist"):
        np.testing.assert_allclose(world[:, INDEX[name]], expected[:, INDEX[name]], atol=1e-3)


def test_a_head_at_the_end_and_no_spine(walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    """The head is a leaf, legs and arms hang on one bone."""
    source = read_bvh(write_bvh(walk))
    parts = anatomy(source)
    kept = [n for n in range(len(source.names)) if n not in (*parts.spine[1:], *parts.neck)]
    kept = [n for n in kept if source.parents[n] != parts.head]
    parents = [-1 if n == 0 else kept.index(next(p for p in source.path(n)[-2::-1] if p in kept)) for n in kept]
    short = replace(
        source,
        names=tuple(source.names[n] for n in kept),
        parents=tuple(parents),
        rest=source.rest[kept],
        rotations=source.rotations[:, kept],
        positions=source.positions[:, kept],
    )
    assert (anatomy(short).spine, anatomy(short).neck) == ((0,), ())
    world, expected = retarget(short, joints).posed(joints)[0], walk.posed(joints)[0]
    for name in ("pelvis", "head", "left_shoulder", "right_knee"):
        np.testing.assert_allclose(world[:, INDEX[name]], expected[:, INDEX[name]], atol=1e-3)
    np.testing.assert_allclose(world[:, INDEX["spine3"]], expected[:, 0], atol=1e-3)


def test_toes_fingers_and_collars_may_be_missing(
    walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]
) -> None:
    names = {name: title for name, title in SMPL.items() if not name.endswith(("_hand", "_foot"))}
    motion = retarget(read_bvh(write_bvh(walk, names)), joints)
    assert_same(motion, walk, joints, but=("left_foot", "right_foot", "left_hand", "right_hand"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mixamorig:LeftUpLeg", ("left", "upleg")),
        ("mixamorig5:RightHand", ("right", "hand")),
        ("LHipJoint", ("left", "hipjoint")),
        ("LowerBack", ("", "lowerback")),
        ("upper_arm.L", ("left", "upperarm")),
        ("DEF-thigh.R", ("right", "thigh")),
        ("Bip01 L Thigh", ("left", "thigh")),
        ("J_Bip_R_LowerLeg", ("right", "lowerleg")),
        ("leftUpperArm", ("left", "upperarm")),
        ("lowerleg01.L", ("left", "lowerleg")),
        ("calf_l", ("left", "calf")),
        ("lShldr", ("left", "shldr")),
        ("Head", ("", "head")),
        ("R_Knee", ("right", "knee")),
    ],
)
def test_names_of_bones(name: str, expected: tuple[str, str]) -> None:
    assert plain(name) == expected


def test_missing_bones_are_named(walk: BodyMotion, write_bvh: Callable[..., Path]) -> None:
    names = SMPL | {"left_knee": "Bone.007", "head": "Bone.009"}
    with pytest.raises(InputError, match=r"lacks bones that a body needs: left knee, head \(its bones: pelvis, "):
        anatomy(read_bvh(write_bvh(walk, names)))


def test_a_limb_of_the_wrong_shape(walk: BodyMotion, write_bvh: Callable[..., Path]) -> None:
    names = SMPL | {"left_knee": "left_ankle", "left_ankle": "left_knee"}
    with pytest.raises(InputError, match="does not hang on"):
        anatomy(read_bvh(write_bvh(walk, names)))
    source = read_bvh(write_bvh(walk))
    with pytest.raises(InputError, match="no length between the left hip and knee"):
        anatomy(replace(source, rest=np.zeros_like(source.rest)))


@pytest.mark.needs_data
def test_makehuman_stands_in_t_pose(data: Path, joints: np.ndarray) -> None:
    """Z-up, in decimetres, from an A-pose, limbs of two bones, positions that add to the offsets."""
    source = read_bvh(data / "makehuman" / "poses" / "tpose.bvh")
    assert source.unit == "decimetres"
    arm = retarget(source, joints).posed(joints)[1][0, [INDEX["left_shoulder"], INDEX["left_wrist"]]]
    direction = (arm[1] - arm[0]) / np.linalg.norm(arm[1] - arm[0])
    assert direction[0] > 0.97


def test_the_stride_of_another_body(joints: np.ndarray) -> None:
    """A file of SMPL does not tell how long the legs are that went this way; feet that stand do."""
    time = np.arange(240) / 60
    theta = np.zeros((len(time), 24, 3), np.float32)
    theta[:, 0, 0] = 0.25 * np.sin(2 * np.pi * time)  # rocks about its toes
    planted = BodyMotion(60, theta, np.zeros((len(time), 3), np.float32))
    toes = planted.posed(joints)[1][:, [INDEX["left_foot"], INDEX["right_foot"]]].mean(1)
    way = toes[0] - toes
    fitted = fit_stride(replace(planted, translation=(1.25 * way).astype(np.float32)), joints)
    np.testing.assert_allclose(np.ptp(fitted.translation, 0), np.ptp(way, 0), rtol=0.02, atol=1e-4)
