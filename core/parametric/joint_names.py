"""What tools call SMPL's 24 joints: the names that the bones of a body's armature can have."""

from .smpl_joints import JOINTS

ROOT = "root"
"""The armature's root, on the floor between the feet; every scheme calls it so."""
SIDES = ("left", "right")
_MIXAMO = {
    "pelvis": "Hips",
    "spine1": "Spine",
    "spine2": "Spine1",
    "spine3": "Spine2",
    "neck": "Neck",
    "head": "Head",
    "hip": "UpLeg",
    "knee": "Leg",
    "ankle": "Foot",
    "foot": "ToeBase",
    "collar": "Shoulder",
    "shoulder": "Arm",
    "elbow": "ForeArm",
    "wrist": "Hand",
    "hand": "HandMiddle1",
}
_UNREAL = {
    "pelvis": "pelvis",
    "spine1": "spine_01",
    "spine2": "spine_02",
    "spine3": "spine_03",
    "neck": "neck_01",
    "head": "head",
    "hip": "thigh",
    "knee": "calf",
    "ankle": "foot",
    "foot": "ball",
    "collar": "clavicle",
    "shoulder": "upperarm",
    "elbow": "lowerarm",
    "wrist": "hand",
    "hand": "middle_01",
}
_VRM = {
    "pelvis": "hips",
    "spine1": "spine",
    "spine2": "chest",
    "spine3": "upperChest",
    "neck": "neck",
    "head": "head",
    "hip": "UpperLeg",
    "knee": "LowerLeg",
    "ankle": "Foot",
    "foot": "Toes",
    "collar": "Shoulder",
    "shoulder": "UpperArm",
    "elbow": "LowerArm",
    "wrist": "Hand",
    "hand": "MiddleProximal",
}


def _named(middle: str, left: str, right: str, names: dict[str, str]) -> tuple[str, ...]:
    """Names of `JOINTS`, of patterns for those in the middle and those of the sides."""
    patterns = dict(zip(SIDES, (left, right), strict=True))
    named = []
    for joint in JOINTS:
        side, _, part = joint.partition("_")
        named.append(patterns[side].format(names[part]) if part else middle.format(names[joint]))
    return tuple(named)


JOINT_NAMES: dict[str, tuple[str, ...]] = {
    "smpl": JOINTS,
    "mixamo": _named("mixamorig:{}", "mixamorig:Left{}", "mixamorig:Right{}", _MIXAMO),
    "unreal": _named("{}", "{}_l", "{}_r", _UNREAL),
    "vrm": _named("{}", "left{}", "right{}", _VRM),
}
"""Scheme -> its names of SMPL's joints, in SMPL's order. Unreal's are those of its mannequin, VRM's those of Unity's
humanoid; SMPL's hands, where the fingers begin, are the middle finger's first joint."""

FACE_JOINTS: dict[str, tuple[str, str, str]] = {
    "smpl": ("jaw", "left_eye", "right_eye"),
    "mixamo": ("mixamorig:Jaw", "mixamorig:LeftEye", "mixamorig:RightEye"),
    "unreal": ("jaw", "eye_l", "eye_r"),
    "vrm": ("jaw", "leftEye", "rightEye"),
}
"""Scheme -> its names of the jaw and of the left and the right eye, joints of a body that has a head of its own."""
